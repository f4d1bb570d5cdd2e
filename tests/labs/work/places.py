"""Names of what tests of places share."""

from collections.abc import Callable

from labs.models import Flavour

Allow = Callable[..., Flavour]
"""Gives the cohort a flavour of a partition of its own: the fixture `allow`."""
