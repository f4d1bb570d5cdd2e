"""What JupyterLab tells a learner of their session, in their language and time zone."""

import zoneinfo
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from labs.models import LabSession
from labs.reasons import sentence_for
from labs.states import SessionStatus
from labs.work.gpu_shortage import describe_gpu_shortage
from labs.work.idleness import find_idle_stop

SOON: Final = timedelta(minutes=15)
NOW: Final = timedelta(minutes=5)


def make_notice(session: LabSession, now: datetime) -> dict[str, object]:
    """The body of `ServerClient.put_notice`; deploy/jupyterhub/learner/paja_notice.py reads it."""
    learner = session.learner
    zone = zoneinfo.ZoneInfo(learner.time_zone)
    with translation.override(learner.language), timezone.override(zone):
        message = make_message(session, now)
        return {
            "language": learner.language,
            "paja_url": settings.ORIGIN + reverse("labs:session", args=[session.public_id]),
            "links": {"label": _("Open this session in Paja"), "close": _("Close")},
            "words": {"left": _("{time} left"), "saved": _("last saved {time}")},
            "ends_at": session.ends_at.isoformat() if session.ends_at else None,
            "saved_at": session.work_saved_at.isoformat() if session.work_saved_at else None,
            "message": message,
            "level": "warning" if message else "info",
        }


def make_message(session: LabSession, now: datetime) -> str:
    """What a learner should know now: the most pressing thing, or nothing."""
    if session.status == SessionStatus.STOPPING:
        return sentence_for(session.stop_reason)
    idle_stop = find_idle_stop(session)
    if session.ends_at and session.ends_at - now <= SOON and (not idle_stop or session.ends_at <= idle_stop):
        words = {"time": show_time(session.ends_at)}
        if session.ends_at - now > NOW:
            return _("This session ends at %(time)s. Your work is copied to Paja before it does.") % words
        return (
            _("This session ends at %(time)s: save your notebook now, so that the newest is copied too.")
            % words
        )
    if idle_stop:
        return _(
            "Nothing has run or been saved here for a while, so this session is stopped at %(time)s."
            " Go on working, or press “Keep it running” in Paja."
        ) % {"time": show_time(idle_stop)}
    reason = session.workspace.unsaved_reason
    return sentence_for(reason) if reason else describe_gpu_shortage(session)


def show_time(moment: datetime) -> str:
    """The time of day with its zone, such as "14:05 (EET)"."""
    local = timezone.localtime(moment)
    return f"{formats.time_format(local, 'H:i')} ({local.tzname()})"
