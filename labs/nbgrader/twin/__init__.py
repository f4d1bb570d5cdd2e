"""Looking for cheating: what of an author's test can be altered, and a run in which it is. See `trial.py`."""
