"""What runs around Paja: a factory's hub, which knows nothing of Django, and everything on one machine."""
