"""Writing to learners about their own accounts at a factory. Only a worker does; a page never waits for mail."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from courses.models import User
from labs.models import AccountKind, FactoryAccount, FactoryAccountEvent
from labs.states import AccountStatus
from labs.transitions import note_account

logger = logging.getLogger(__name__)

WARN_BEFORE: Final = timedelta(days=14)
MAIL_SECONDS: Final = 10


def find_untold(now: datetime, *, most: int) -> list[int]:
    """Accounts whose people do not know yet that they were invited, or that it ends soon."""
    invited = _find_invited().values_list("pk", flat=True)[:most]
    return [*invited, *_find_ending(now).values_list("pk", flat=True)[:most]]


def tell_learner(account_id: int, now: datetime | None = None) -> None:
    """Write the letter that is due, once: it is noted before it is sent. A mail server that fails harms nothing."""
    now = now or timezone.now()
    with transaction.atomic():
        account = _own().select_for_update(of=("self",), no_key=True).filter(pk=account_id).first()
        if account is None or account.user is None:
            return
        is_invitation = _find_invited().filter(pk=account.pk).exists()
        if not is_invitation and not _find_ending(now).filter(pk=account.pk).exists():
            return
        note_account(account, reason="account_invitation_sent" if is_invitation else "account_warning_sent")
    letter = write_letter(account, account.user, is_invitation=is_invitation)
    try:
        get_connection(timeout=MAIL_SECONDS).send_messages([letter])
    except Exception:
        logger.exception("account %s: its person was not told", account.public_id)
        note_account(account, reason="account_letter_failed")


def write_letter(account: FactoryAccount, person: User, *, is_invitation: bool) -> EmailMessage:
    """In the language of who reads it, with the days in their zone."""
    with override(person.language), timezone.override(person.time_zone):
        words = {
            "factory": account.hub.factory.name,
            "machine": account.hub.factory.machine,
            "project": account.slurm_account or "–",
            "day": _say_day(account.expires_at),
            "page": settings.ORIGIN + reverse("labs:account", args=[account.hub.factory.slug]),
        }
        subject, paragraphs = _write_invitation() if is_invitation else _write_warning()
        body = "\n\n".join(paragraph % words for paragraph in paragraphs)
        return EmailMessage(settings.EMAIL_SUBJECT_PREFIX + subject % words, body, to=[person.email])


def _write_invitation() -> tuple[str, tuple[str, ...]]:
    return _("Your account at %(machine)s"), (
        _("For your course you need an account of your own at %(machine)s (%(factory)s)."),
        _("You are invited to the project %(project)s. The account is for this project, until %(day)s."),
        _(
            "1. Accept the invitation that %(factory)s sends you, or has sent you, in a letter of its own.\n"
            "2. When you have your user name there, open this page, which says what to do with it:\n%(page)s\n"
            "3. Paja tries it out with a job of one minute. After that your labs start with it."
        ),
        _("This can take some days: begin before your first lab."),
    )


def _write_warning() -> tuple[str, tuple[str, ...]]:
    return _("Your account at %(machine)s ends on %(day)s"), (
        _("Your account at %(machine)s (%(factory)s) ends on %(day)s. After that labs cannot start with it."),
        _(
            "Your work stays in Paja. If you need the account longer, ask your instructor: the factory can "
            "invite you again."
        ),
        _("Your account:\n%(page)s"),
    )


def _say_day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else "–"


def _own() -> QuerySet[FactoryAccount]:
    return FactoryAccount.objects.filter(kind=AccountKind.OWN).select_related("hub__factory", "user")


def _find_invited() -> QuerySet[FactoryAccount]:
    events = FactoryAccountEvent.objects.filter(account=OuterRef("pk")).exclude(reason="account_named")
    newest = events.order_by("-created_at", "-pk")
    invited = FactoryAccount.objects.filter(kind=AccountKind.OWN, status=AccountStatus.INVITED)
    return invited.annotate(newest=Subquery(newest.values("reason")[:1])).filter(newest="account_invited")


def _find_ending(now: datetime) -> QuerySet[FactoryAccount]:
    """Verified ones that end within WARN_BEFORE; one that was prolonged since is warned of anew."""
    told = FactoryAccountEvent.objects.filter(
        account=OuterRef("pk"),
        reason="account_warning_sent",
        created_at__gte=OuterRef("expires_at") - WARN_BEFORE,
    )
    ending = FactoryAccount.objects.filter(
        kind=AccountKind.OWN,
        status=AccountStatus.VERIFIED,
        expires_at__gt=now,
        expires_at__lte=now + WARN_BEFORE,
    )
    return ending.filter(~Exists(told))
