"""Telling a hub that a person has logged out of Paja, until it has heard."""

import logging
from datetime import timedelta
from typing import Final

from django.utils import timezone

from labs.exceptions import LabError
from labs.models import SignOut
from labs.work.connections import HubConnector, connect_hub

logger = logging.getLogger(__name__)

SEND_AGAIN_AFTER: Final = timedelta(seconds=10)
SENT_AT_ONCE: Final = 100  # starts wait in the same queue


def sign_out(sign_out_id: int, *, connect: HubConnector = connect_hub) -> None:
    """End the person's log-ins at the hub and forget the row; a hub that does not answer is told again later."""
    waiting = SignOut.objects.select_related("user", "hub__factory").filter(pk=sign_out_id).first()
    if waiting is None:
        return
    seconds_ago = max(0.0, (timezone.now() - waiting.requested_at).total_seconds())
    try:
        with connect(waiting.hub) as hub:
            hub.sign_out(waiting.user.hub_name, seconds_ago=seconds_ago)
    except LabError as error:
        logger.warning("%s is not signed out at %s yet: %s", waiting.user.hub_name, waiting.hub, error)
        return
    # Unless the person logged out once more meanwhile, which the hub has not heard of.
    SignOut.objects.filter(pk=waiting.pk, requested_at=waiting.requested_at).delete()


def claim_forgotten_sign_outs() -> list[tuple[int, str]]:
    """Sign-outs to send again, with their factories: the hub or the broker was down, or the worker died.

    Those at a hub that is known to be down wait until it is back.
    """
    now = timezone.now()
    forgotten = (
        SignOut.objects.filter(sent_at__lt=now - SEND_AGAIN_AFTER, hub__down_since=None)
        .select_related("hub__factory")
        .order_by("sent_at", "pk")[:SENT_AT_ONCE]
    )
    return [
        (waiting.pk, waiting.hub.factory.slug)
        for waiting in forgotten
        if SignOut.objects.filter(pk=waiting.pk, sent_at=waiting.sent_at).update(sent_at=now)
    ]
