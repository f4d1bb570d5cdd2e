"""Damaged notebooks made gradable: bytes into cells, which cell is which, what is put back. See `damage.py`."""
