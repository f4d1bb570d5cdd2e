"""Forty people with their tabs open while things are killed: `make soak`, by hand, with a seed."""
