"""What a page showed when it asked last: the same again is not sent, and what only moves on is not read out."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone


def make_version(*parts: object, saved_at: datetime | None = None, quiet: Sequence[object] = ()) -> str:
    """A name for what a page shows: `state.details`; the details are `quiet` and the time and age of the saved work.

    A page that has this version is not sent it again; where only the details differ, nothing is announced.
    """
    minutes = int((timezone.now() - saved_at).total_seconds() // 60) if saved_at else 0
    return f"{_digest(parts)}.{_digest((saved_at, minutes, *quiet))}"


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
