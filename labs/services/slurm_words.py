"""Why a job waits, in plain words, for everything that Slurm can say of one of ours."""

import re
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labs.models import SlurmJob


@dataclass(frozen=True)
class WaitReason:
    """What a learner is told; `is_stuck` where waiting alone changes nothing. `term` is Slurm's own word."""

    sentence: str | Promise
    is_stuck: bool = False
    term: str = ""


_NEW: Final = WaitReason(_("Slurm has your request and is finding a place for it."))
_BEHIND_OTHERS: Final = WaitReason(
    _("Others go before you in this partition. Slurm moves on as their jobs end: you need not do anything.")
)
_FULL: Final = WaitReason(
    _("What your lab needs is in use by others. Your lab starts as soon as enough of it is free.")
)
_PREPARING: Final = WaitReason(_("The node on which your lab will run is being prepared."))
_LATER: Final = WaitReason(
    _("Slurm tries to start your lab again in a few minutes: you need not do anything.")
)
_FOR_OTHER_JOB: Final = WaitReason(_("Slurm starts your lab when another job has ended."))
_LICENCES: Final = WaitReason(
    _("A software licence that your lab needs is in use. Your lab starts when it is free.")
)
_RESERVATION: Final = WaitReason(
    _(
        "Your lab waits for the GPUs that are reserved for your cohort. It starts when they are open and one is free."
    )
)
_MAINTENANCE: Final = WaitReason(
    _(
        "The factory’s computer is being maintained, or will be before your lab could end. Your lab starts afterwards: your place is kept."
    )
)
_NODES_AWAY: Final = WaitReason(
    _(
        "Nodes that your lab could use are out of service or reserved. Your lab starts when one of them is back or free."
    )
)
_PARTITION_DOWN: Final = WaitReason(
    _(
        "The factory starts nothing in this partition at the moment. Your place is kept, and your lab starts by itself when the partition is open again."
    )
)
_SHARED_LIMIT: Final = WaitReason(
    _("Your course uses all that it may at once. Your lab starts as soon as somebody else’s ends.")
)
_OWN_LIMIT: Final = WaitReason(
    _(
        "As much runs under your account at this factory as one person may have at once. Your lab starts when something of yours ends: stop another lab to start this one sooner."
    )
)
_BUDGET: Final = WaitReason(
    _(
        "The computing time that your course was granted here is used up. Waiting does not help: choose another place, or tell your instructor. Your work is safe."
    ),
    is_stuck=True,
)
_MISFIT: Final = WaitReason(
    _(
        "This partition does not allow what your lab asked for, so your lab does not start by itself. Choose another place, and tell your instructor. Your work is safe."
    ),
    is_stuck=True,
)
_NOT_ALLOWED: Final = WaitReason(
    _(
        "Slurm does not accept your course’s project in this partition, so your lab does not start by itself. Choose another place, and tell your instructor. Your work is safe."
    ),
    is_stuck=True,
)
_RESERVATION_GONE: Final = WaitReason(
    _(
        "The GPUs that were reserved for your cohort are reserved no more, so your lab does not start by itself. Choose another place, and tell your instructor. Your work is safe."
    ),
    is_stuck=True,
)
_HELD: Final = WaitReason(
    _(
        "Slurm holds your lab back, so your lab does not start by itself. Choose another place, or tell your instructor. Your work is safe."
    ),
    is_stuck=True,
)
_FAULT: Final = WaitReason(
    _(
        "Slurm could not start your lab: the fault is the factory’s, not yours. Choose another place, or start the lab again. Your work is safe."
    ),
    is_stuck=True,
)
_UNKNOWN: Final = WaitReason(
    _(
        "Slurm lets your lab wait for a reason that Paja does not know. Your place is kept: you need not do anything."
    )
)

PATTERNS: Final[tuple[tuple[re.Pattern[str], WaitReason], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"|None|SchedDefer|WaitingForScheduling", _NEW),
        (r"Priority", _BEHIND_OTHERS),
        (r"Resources", _FULL),
        (r"Prolog|Cleaning|PowerNotAvail|PowerReserved|BurstBuffer(Resources|StageIn)", _PREPARING),
        (r"BeginTime|JobArrayTaskLimit|FedJobLock", _LATER),
        (r"Dependency", _FOR_OTHER_JOB),
        (r"Licenses", _LICENCES),
        (r"Reservation", _RESERVATION),
        (r"ReqNodeNotAvail, Reserved for maintenance", _MAINTENANCE),
        (r"ReqNodeNotAvail.*|Nodes? ?required for job.*|NodeDown|FrontEndDown", _NODES_AWAY),
        (r"PartitionDown|PartitionInactive", _PARTITION_DOWN),
        # in the order of reading: of minutes, what running jobs still hold comes back when they end
        (r"(QOS|Assoc)Grp\w*RunMinutes(Limit)?", _SHARED_LIMIT),
        (r"(QOS|Assoc)Grp(\w*Minutes(Limit)?|WallLimit|Billing)", _BUDGET),
        (r"QOSTimeLimit|AssociationTimeLimit", _BUDGET),
        (r"(QOS|Assoc)Grp\w+|Max\w+PerAccount|(QOS|Association)(Job|Resource)Limit", _SHARED_LIMIT),
        (r"(QOS|Assoc)Max\w*PerUser(Limit)?|AssocMaxJobsLimit|AssocMaxSubmitJobLimit", _OWN_LIMIT),
        (r"(QOS|Assoc)M(ax|in)\w+|MaxMemPerLimit|BadConstraints|Constraints|DeadLine", _MISFIT),
        (r"Partition(NodeLimit|TimeLimit|Config|MaxNodes|MinNodes)", _MISFIT),
        (
            r"QOSUsageThreshold|InvalidAccount|InvalidQOS|AccountNotAllowed|QOSNotAllowed|AccountingPolicy",
            _NOT_ALLOWED,
        ),
        (r"Reservation(Deleted|Invalid)", _RESERVATION_GONE),
        (r"JobHeld(Admin|User)|JobHoldMaxRequeue|.*requeued held|job requeued in .*", _HELD),
        (r"DependencyNeverSatisfied|SystemFailure|JobLaunchFailure|NonZeroExitCode|RaisedSignal.*", _FAULT),
        (r"TimeLimit|InactiveLimit|OutOfMemory|BurstBufferOperation|Block(Free|Max)\w+", _FAULT),
    )
)
"""Read from the top; the first that a whole reason fits is meant. tests/recorded/slurm_job_reasons.txt has them all."""

HELD_STATES: Final = frozenset({"REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
PAUSED_STATES: Final = frozenset({"SUSPENDED", "STOPPED"})


def explain_reason(reason: str) -> WaitReason:
    """What Slurm's reason means for whoever waits; a word that nobody knows is shown as Slurm says it."""
    word = reason.strip().strip("()").replace("_", " ")
    for pattern, explained in PATTERNS:
        if pattern.fullmatch(word):
            return explained
    return WaitReason(_UNKNOWN.sentence, term=reason)


def explain_job(job: SlurmJob) -> WaitReason:
    """Why a job that waits does so: some states say more than the reason."""
    return _HELD if job.state in HELD_STATES else explain_reason(job.reason)
