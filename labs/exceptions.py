"""The faults that labs knows. Each carries a `reason` slug; `labs/reasons.py` turns it into a sentence."""


class LabError(Exception):
    """Base of all faults of labs; `reason` is a slug, the message is for logs only."""

    reason = "unexpected"

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        super().__init__(message or reason or self.reason)
        if reason:
            self.reason = reason


class IllegalMoveError(LabError):
    """A transition that the table of moves does not have: a bug."""

    reason = "illegal_move"


class StaleStateError(LabError):
    """Somebody else moved the row first: normal, the loser stops."""

    reason = "stale_state"


class RefusedError(LabError):
    """A person asked for something that is not to be had now; the reason says what to do."""

    reason = "refused"


class QueueDownError(LabError):
    """Paja's own queue does not answer; what was to be queued stands in the database, and a sweep queues it."""

    reason = "queue_down"


class HubUnavailableError(LabError):
    """No answer, or an answer that means "later": nothing is known and nothing may be moved."""

    reason = "hub_unavailable"


class SpawnRejectedError(LabError):
    """The hub understood and refused; asking again changes nothing.

    `refusal` is the hub's own slug for a job that it does not take, where it says one.
    """

    reason = "spawn_rejected"

    def __init__(self, message: str = "", *, reason: str = "", refusal: str = "") -> None:
        super().__init__(message, reason=reason)
        self.refusal = refusal


class ServerAnswerError(LabError):
    """A learner's server gave a hostile, oversized or wrong answer, or none."""

    reason = "server_answer"


class BoxUnavailableError(LabError):
    """This machine cannot box learners' code, so nothing is run."""

    reason = "box_unavailable"


class InvalidNotebookError(LabError):
    """Bytes that nbgrader cannot take as a notebook."""

    reason = "invalid_notebook"
