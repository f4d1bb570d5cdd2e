"""Why a session ended whose job Slurm ended, or never took: Slurm's and the hub's words as our reasons."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from labs.jupyterhub import QueueAnswer
from labs.models import LabSession, SlurmJob
from labs.transitions import note_session

WAIT_FOR_ENDING: Final = timedelta(seconds=60)
"""A hub misses a server at once; how its job ended is told with Slurm's next answer, and the accounting's."""

JOB_ENDINGS: Final[Mapping[str, str]] = {
    "TIMEOUT": "job_time_over",
    "DEADLINE": "job_time_over",
    "CANCELLED": "job_cancelled_by_site",
    "REVOKED": "job_cancelled_by_site",
    "NODE_FAIL": "node_lost",
    "BOOT_FAIL": "node_lost",
    "OUT_OF_MEMORY": "job_out_of_memory",
    "PREEMPTED": "job_preempted",
    "FAILED": "job_failed",
    "LAUNCH_FAILED": "job_failed",
    "RECONFIG_FAIL": "job_failed",
}
"""By Slurm's word for how a job ended. One that COMPLETED is a server that ended by itself."""

UNTOLD: Final = frozenset({"UNKNOWN", "ENDED"})
"""The hub's words for a job that is over, of which the accounting has not yet told how it ended."""

REFUSALS: Final = frozenset(
    {
        # Slurm's
        "quota_exceeded",
        "too_many_jobs",
        "account_invalid",
        "qos_invalid",
        "partition_closed",
        "reservation_invalid",
        "minutes_too_many",
        "nodes_unsuitable",
        "unix_account_refused",
        "submit_refused",
        # the hub's, of what is not on its factory's lists
        "partition_unknown",
        "flavour_unknown",
        "account_unknown",
        "qos_unknown",
        "reservation_unknown",
        "unix_account_in_use",
        "option_unknown",
    }
)
"""Why a hub took no job. Each is a reason of a session as `job_refused_…`; any other is `job_refused`."""


def find_ending(job: SlurmJob) -> str | None:
    """The reason for which a job ended; empty for one that ended by itself or by us, None while it is not known."""
    if job.ended_at is None or job.state in UNTOLD:
        return None
    return "" if job.is_ended_by_us else JOB_ENDINGS.get(job.state, "")


def name_refusal(slug: str) -> str:
    """A session's reason for what a hub said of a start that it took no job for."""
    return f"job_refused_{slug}" if slug in REFUSALS else "job_refused"


def find_reason(session: LabSession, answer: QueueAnswer | None) -> str | None:
    """Why a session has no server any more; empty where neither Slurm nor the hub did it, None while it is not known.

    By what was kept of the session's newest job, else by the hub's newest word, where there is one.
    """
    job = session.jobs.first()
    if job:
        return find_ending(job)
    refusal = answer.find_refusal(session.server_name) if answer else ""
    return name_refusal(refusal) if refusal else None


def is_worth_waiting_for(session: LabSession, now: datetime) -> bool:
    """Whether the reason may still be told. What is noted when the server is first missed is where waiting begins."""
    note_session(session, reason="server_missed")
    lately = session.events.filter(reason="server_missed", created_at__gt=now - 10 * WAIT_FOR_ENDING)
    missed = lately.first()
    return missed is not None and now - missed.created_at < WAIT_FOR_ENDING
