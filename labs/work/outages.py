"""A hub that does not answer: noticed by the sweeps, which alone go on asking it, ever more rarely."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from labs.models import Hub, HubOutage

logger = logging.getLogger(__name__)

SILENT_FOR: Final = timedelta(seconds=8)
"""A hub that is started anew is back sooner, and that is no outage for people."""

PROBE_EVERY: Final = (timedelta(seconds=1), timedelta(seconds=10))
ANSWER_EVERY: Final = 10  # seconds


def answer_key(hub: Hub) -> str:
    """Under which the cache has the seconds that a recent answer of the hub took."""
    return f"hub-answer-seconds-{hub.pk}"


def note_answer_seconds(hub: Hub, asked_at: datetime, seconds: float) -> None:
    """Keep it for staff, now and then: sweeps come twice a second."""
    before = hub.answered_at
    if before is None or before.timestamp() // ANSWER_EVERY != asked_at.timestamp() // ANSWER_EVERY:
        cache.set(answer_key(hub), seconds, timeout=3600)


def note_answer(hub: Hub, at: datetime) -> bool:
    """The hub answered a question of the moment `at`. True where that ends an outage, for which a row is written."""
    with transaction.atomic():
        Hub.objects.filter(Q(answered_at=None) | Q(answered_at__lt=at), pk=hub.pk).update(answered_at=at)
        if hub.down_since is None:
            if hub.probe_at:
                Hub.objects.filter(pk=hub.pk, down_since=None).update(probe_at=None)
            return False
        down = Hub.objects.filter(pk=hub.pk, down_since=hub.down_since)
        if not down.update(down_since=None, probe_at=None):
            return False
        HubOutage.objects.create(
            hub=hub, began_at=hub.down_since, ended_at=max(at, hub.down_since), reason="hub_unavailable"
        )
    logger.warning("hub of %s: answers again, after %s", hub.factory.slug, at - hub.down_since)
    return True


def note_silence(hub: Hub, asked_at: datetime, now: datetime) -> None:
    """The hub did not answer a question of `asked_at`. It is down when it has been silent for SILENT_FOR.

    Until then `probe_at` keeps the first such question; from then on it is when the next one may be asked.
    """
    if hub.down_since is None:
        silent_since = hub.probe_at or asked_at
        is_down = now - silent_since >= SILENT_FOR
        fields: dict[str, datetime | None] = {"probe_at": silent_since}
        if is_down:
            fields = {"down_since": silent_since, "probe_at": now + PROBE_EVERY[0]}
            logger.warning("hub of %s: down since %s", hub.factory.slug, silent_since)
    else:
        shortest, longest = PROBE_EVERY
        fields = {"probe_at": now + min(max((now - hub.down_since) / 4, shortest), longest)}
    Hub.objects.filter(pk=hub.pk, down_since=hub.down_since).update(**fields)


def is_worth_waiting(hub: Hub | None, *, since: datetime, patience: timedelta) -> bool:
    """Whether what was asked for `since` a moment, and cannot be had, is to be tried again.

    For `patience`, in which an outage of the `hub` that it is asked of does not count.
    """
    if hub is not None and hub.down_since:
        return True
    outage = HubOutage.objects.filter(hub=hub, ended_at__gt=since).order_by("ended_at").last()
    return timezone.now() - (outage.ended_at if outage else since) < patience
