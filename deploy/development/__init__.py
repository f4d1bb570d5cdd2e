"""Paja on one machine for a developer: the set-up, and one supervisor for everything that runs."""
