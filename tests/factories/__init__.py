"""Rows for tests: `courses` and `labs` have a factory for every model of the app of that name."""
