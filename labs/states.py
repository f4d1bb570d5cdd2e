"""The states of everything in labs that has a life, and the moves between them: data, no behaviour."""

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class SessionStatus(TextChoices):
    REQUESTED = "requested", _("Requested")
    SPAWNING = "spawning", _("Starting")
    READY = "ready", _("Ready")
    STOPPING = "stopping", _("Stopping")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Failed")


SESSION_MOVES: Final[Mapping[SessionStatus, frozenset[SessionStatus]]] = {
    SessionStatus.REQUESTED: frozenset(
        {SessionStatus.SPAWNING, SessionStatus.STOPPING, SessionStatus.FAILED}
    ),
    SessionStatus.SPAWNING: frozenset({SessionStatus.READY, SessionStatus.STOPPING, SessionStatus.FAILED}),
    SessionStatus.READY: frozenset({SessionStatus.STOPPING, SessionStatus.FAILED}),
    SessionStatus.STOPPING: frozenset({SessionStatus.STOPPED, SessionStatus.FAILED}),
    SessionStatus.STOPPED: frozenset(),
    SessionStatus.FAILED: frozenset(),
}
ACTIVE_SESSION_STATUSES: Final = tuple(status for status in SessionStatus if SESSION_MOVES[status])


class AccountStatus(TextChoices):
    """A Unix account at a factory; those that a person does not own are `verified` from the first."""

    INVITED = "invited", _("Invited")
    VERIFYING = "verifying", _("Being tried out")
    VERIFIED = "verified", _("Verified")
    EXPIRED = "expired", _("Expired")


ACCOUNT_MOVES: Final[Mapping[AccountStatus, frozenset[AccountStatus]]] = {
    AccountStatus.INVITED: frozenset({AccountStatus.VERIFYING, AccountStatus.EXPIRED}),
    AccountStatus.VERIFYING: frozenset(
        {AccountStatus.VERIFIED, AccountStatus.INVITED, AccountStatus.EXPIRED}
    ),
    AccountStatus.VERIFIED: frozenset({AccountStatus.VERIFYING, AccountStatus.EXPIRED}),
    AccountStatus.EXPIRED: frozenset({AccountStatus.INVITED}),
}


class SubmissionStatus(TextChoices):
    COLLECTING = "collecting", _("Collecting your work")
    COLLECTED = "collected", _("Stored")
    UNCHANGED = "unchanged", _("Same as the attempt before")
    FAILED = "failed", _("Not collected")


SUBMISSION_MOVES: Final[Mapping[SubmissionStatus, frozenset[SubmissionStatus]]] = {
    SubmissionStatus.COLLECTING: frozenset(
        {SubmissionStatus.COLLECTED, SubmissionStatus.UNCHANGED, SubmissionStatus.FAILED}
    ),
    SubmissionStatus.COLLECTED: frozenset(),
    SubmissionStatus.UNCHANGED: frozenset(),
    SubmissionStatus.FAILED: frozenset(),
}


class GradingStatus(TextChoices):
    QUEUED = "queued", _("Waiting to be graded")
    RUNNING = "running", _("Being graded")
    FINISHED = "finished", _("Graded")
    FAILED = "failed", _("Not graded: our fault")
    REPLACED = "replaced", _("Replaced by a newer attempt")


GRADING_MOVES: Final[Mapping[GradingStatus, frozenset[GradingStatus]]] = {
    GradingStatus.QUEUED: frozenset({GradingStatus.RUNNING, GradingStatus.FAILED, GradingStatus.REPLACED}),
    GradingStatus.RUNNING: frozenset({GradingStatus.QUEUED, GradingStatus.FINISHED, GradingStatus.FAILED}),
    GradingStatus.FINISHED: frozenset(),
    GradingStatus.FAILED: frozenset(),
    GradingStatus.REPLACED: frozenset(),
}
ACTIVE_GRADING_STATUSES: Final = tuple(status for status in GradingStatus if GRADING_MOVES[status])


class GradingOutcome(TextChoices):
    """What came out of a run of a learner's notebooks; a fault of the platform is never an outcome."""

    SCORED = "scored", _("Scored")
    TIMEOUT = "timeout", _("Out of time")
    OUT_OF_MEMORY = "out_of_memory", _("Out of memory")
    KERNEL_DIED = "kernel_died", _("The kernel died")
    INVALID_NOTEBOOK = "invalid_notebook", _("Not a readable notebook")
    TAMPERED = "tampered", _("Tests were tampered with")


class DraftStatus(TextChoices):
    """The way of what an author brings back; whether something is wrong with it is no state, but what was found."""

    COLLECTING = "collecting", _("Fetching the files")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    RELEASING = "releasing", _("Being released")
    RELEASED = "released", _("Released")
    FAILED = "failed", _("Failed")
    DISCARDED = "discarded", _("Discarded")


DRAFT_MOVES: Final[Mapping[DraftStatus, frozenset[DraftStatus]]] = {
    DraftStatus.COLLECTING: frozenset({DraftStatus.CHECKING, DraftStatus.FAILED, DraftStatus.DISCARDED}),
    DraftStatus.CHECKING: frozenset({DraftStatus.CHECKED, DraftStatus.FAILED}),
    DraftStatus.CHECKED: frozenset({DraftStatus.RELEASING, DraftStatus.DISCARDED}),
    DraftStatus.RELEASING: frozenset({DraftStatus.RELEASED, DraftStatus.FAILED}),
    DraftStatus.RELEASED: frozenset(),
    DraftStatus.FAILED: frozenset({DraftStatus.DISCARDED}),
    DraftStatus.DISCARDED: frozenset(),
}
WORKING_DRAFT_STATUSES: Final = (DraftStatus.COLLECTING, DraftStatus.CHECKING, DraftStatus.RELEASING)
