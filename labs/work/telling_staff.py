"""Telling a factory's staff by mail that work could not be graded. Only a worker does; a page never waits for mail."""

import logging
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from courses.models import User
from labs.models import GradingRun

logger = logging.getLogger(__name__)

QUIET_SECONDS: Final = 3600
"""Between two mails about a lab at a factory, however many runs of it fail."""

MAIL_SECONDS: Final = 10


def tell_staff(run: GradingRun) -> None:
    """Tell the staff of a run's cohort's factory that it was given up. A mail server that fails harms nothing."""
    cohort = run.submission.enrolment.cohort
    if not cache.add(f"grading-told-{cohort.factory_id}-{run.submission.lab_id}", 1, QUIET_SECONDS):
        return
    staff = cohort.factory.staff.filter(is_active=True).order_by("pk")
    mails = [write_mail(run, person) for person in staff]
    try:
        get_connection(timeout=MAIL_SECONDS).send_messages(mails)
    except Exception:
        logger.exception("run %s: its factory's staff was not told", run.public_id)


def write_mail(run: GradingRun, person: User) -> EmailMessage:
    """In the language of who reads it. It names no learner: who may know whose work it is sees it on the page."""
    submission = run.submission
    with override(person.language):
        words = {
            "lab": submission.lab.slug,
            "cohort": submission.enrolment.cohort.name,
            "page": settings.ORIGIN + reverse("labs:submission", args=[submission.public_id]),
        }
        subject = _("Work in %(lab)s could not be graded") % words
        paragraphs = (
            _("Work in the lab %(lab)s of the cohort “%(cohort)s” could not be graded, after several tries."),
            _(
                "This is a fault on our side. The learner was told so, and that the work is safe and costs no attempt."
            ),
            _("What happened to it, and the button to grade it again:\n%(page)s"),
            _("However many fail, you are told of a lab once an hour at most."),
        )
        body = "\n\n".join(paragraph % words for paragraph in paragraphs)
    return EmailMessage(settings.EMAIL_SUBJECT_PREFIX + subject, body, to=[person.email])
