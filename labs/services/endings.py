"""How a session ended, in words: calm where the work is there and nobody is to blame."""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from labs.models import LabSession
from labs.reasons import sentence_for
from labs.states import SessionStatus

CALM_FAILURES: Final = {
    "job_cancelled_by_site",
    "job_out_of_memory",
    "job_preempted",
    "job_time_over",
    "node_lost",
    "server_lost",
}
OWN_PRESSES: Final = {"", "stop_requested"}


@dataclass(frozen=True)
class Ending:
    """`sentence` says why; it is empty where the person's own press stopped it."""

    heading: str
    sentence: str
    is_calm: bool


def find_ending(session: LabSession | None) -> Ending | None:
    """None for a session that has not ended."""
    if session is None or session.is_active:
        return None
    if session.status == SessionStatus.FAILED:
        heading = _("Your lab has ended") if session.ready_at else _("Your lab did not start")
        return Ending(heading, sentence_for(session.reason), session.reason in CALM_FAILURES)
    sentence = "" if session.stop_reason in OWN_PRESSES else sentence_for(session.stop_reason)
    return Ending(_("Your lab is stopped"), sentence, is_calm=True)
