"""Connections to a factory: the hub by its service token, a learner's server by a token for that one server."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from django.conf import settings
from django.db.models import QuerySet

from labs.exceptions import HubUnavailableError, LabError
from labs.jupyterhub import HubClient, ServerClient, TimedTransport
from labs.models import Hub, LabSession

logger = logging.getLogger(__name__)

SERVER_TOKEN_SECONDS: Final = 300
WORKSPACE_SECONDS: Final = 30.0
VISIT_BUDGET_SECONDS: Final = 15.0  # many are visited, so one that answers slowly gets less
SWEEP_BUDGET_SECONDS: Final = 10.0
PROBE_SECONDS: Final = 4.0

HubConnector = Callable[[Hub], HubClient]
WorkspaceConnector = Callable[[LabSession], AbstractContextManager[ServerClient]]


def reachable_sessions() -> QuerySet[LabSession]:
    """Sessions with all that a connection to their server and a path in their workspace need."""
    return LabSession.objects.select_related(
        "learner",
        "workspace__lab__course",
        "workspace__wanted",
        "lab",
        "release__lab__course",
        "hub__factory",
        "allocation",
        "flavour__partition",
        "account",
    )


def connect_hub(hub: Hub) -> HubClient:
    """A client for the hub. HubUnavailableError at once where it is known to be down: only sweeps ask it then."""
    if hub.down_since:
        raise HubUnavailableError(f"{hub.factory.slug} is down since {hub.down_since}", reason="hub_down")
    return open_client(hub)


def connect_for_sweep(hub: Hub) -> HubClient:
    """A client that also asks a hub which is down, and whose whole conversation ends before a sweep's lease does."""
    return open_client(hub, PROBE_SECONDS if hub.down_since else SWEEP_BUDGET_SECONDS)


def open_client(hub: Hub, seconds: float | None = None) -> HubClient:
    """HubUnavailableError where no token for the hub is configured."""
    token = settings.HUB_TOKENS.get(hub.factory.slug)
    if not token:
        raise HubUnavailableError(f"no PAJA_HUB_TOKEN for {hub.factory.slug}")
    transport = TimedTransport(seconds) if seconds else None
    return HubClient(hub.api_url, token, host=hub.host, transport=transport)


@contextmanager
def connect_workspace(
    session: LabSession, *, connect: HubConnector = connect_hub, seconds: float = WORKSPACE_SECONDS
) -> Iterator[ServerClient]:
    """The learner's own server for `seconds`, by a token that is minted for this call and revoked after it."""
    name = session.learner.hub_name
    with connect(session.hub) as hub:
        token = hub.create_server_token(name, session.server_name, expires_in=SERVER_TOKEN_SECONDS)
        try:
            with ServerClient(
                session.hub.server_side_origin,
                session.url_path,
                token.token,
                host=session.hub.host_of(name),
                transport=TimedTransport(seconds),
            ) as server:
                yield server
        finally:
            revoke_token(hub, name, token.id)


def connect_for_visit(session: LabSession) -> AbstractContextManager[ServerClient]:
    return connect_workspace(session, seconds=VISIT_BUDGET_SECONDS)


def revoke_token(hub: HubClient, name: str, token_id: str) -> None:
    """A token that cannot be revoked ends by itself; what was done with it is done."""
    try:
        hub.revoke_token(name, token_id)
    except LabError as error:
        logger.warning("a token of %s stays until its time is over: %s", name, error)
