"""What people do, in Chromium, on a running Paja."""
