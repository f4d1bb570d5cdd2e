"""The faults that courses knows. Each carries a `reason` slug; `courses/reasons.py` turns it into a sentence."""


class CourseError(Exception):
    """Base of all faults of courses; `reason` is a slug, the message is for logs only."""

    reason = "unexpected"

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        super().__init__(message or reason or self.reason)
        if reason:
            self.reason = reason


class IllegalMoveError(CourseError):
    """A transition that the table of moves does not have: a bug."""

    reason = "illegal_move"


class StaleStateError(CourseError):
    """Somebody else moved the row first: normal, the loser stops."""

    reason = "stale_state"


class RefusedError(CourseError):
    """A person asked for something that is not to be had now; the reason says why."""

    reason = "refused"
