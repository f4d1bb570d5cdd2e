"""What runs around Paja: the factories' hubs, the development supervisor. Imports nothing of Django."""
