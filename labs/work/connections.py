"""Connections to a factory: the hub by its service token, a learner's server by a token for that one server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from django.conf import settings

from labs.exceptions import HubUnavailableError
from labs.jupyterhub import ContentsClient, HubClient
from labs.models import Hub, LabSession

SERVER_TOKEN_SECONDS: Final = 300

HubConnector = Callable[[Hub], HubClient]
WorkspaceConnector = Callable[[LabSession], AbstractContextManager[ContentsClient]]


def connect_hub(hub: Hub) -> HubClient:
    """A client for the hub; HubUnavailableError where no token for it is configured."""
    token = settings.HUB_TOKENS.get(hub.factory.slug)
    if not token:
        raise HubUnavailableError(f"no PAJA_HUB_TOKEN for {hub.factory.slug}")
    return HubClient(hub.api_url, token, host=hub.host)


@contextmanager
def connect_workspace(session: LabSession) -> Iterator[ContentsClient]:
    """The learner's own server, by a token that is minted for this call and revoked after it."""
    name = session.learner.hub_name
    with connect_hub(session.hub) as hub:
        token = hub.create_server_token(name, session.server_name, expires_in=SERVER_TOKEN_SECONDS)
        try:
            with ContentsClient(
                session.hub.server_side_origin,
                session.url_path,
                token.token,
                host=session.hub.host_of(name),
            ) as contents:
                yield contents
        finally:
            hub.revoke_token(name, token.id)
