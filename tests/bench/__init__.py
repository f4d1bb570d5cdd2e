"""Timings on this machine, by hand: `make bench`. Ratios matter, not the numbers."""
