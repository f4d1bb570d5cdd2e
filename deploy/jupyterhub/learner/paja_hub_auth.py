"""What a learner's server believes of the hub's word on who asks, and for how long; runs in the lab environment."""

import time
from typing import Any, Final
from weakref import WeakSet

from jupyter_server.base.handlers import APIHandler
from jupyterhub.services.auth import HubOAuth
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider
from tornado import web
from tornado.websocket import WebSocketHandler

# An open page asks its server something every few seconds, and the server asks the hub at most this often: 33 times
# a second for 1,000 pages. A person whom the hub cannot tell the server about is out after as long.
FRESH_SECONDS: Final = 30
# A hub that is restarted, or updated, is away for less: a notebook that is open goes on and saves. Nobody can log
# out at a hub that is away; whoever was let in before is let in so long.
OUTAGE_SECONDS: Final = 180

_known: dict[str, tuple[float, dict[str, Any]]] = {}
_sockets: WeakSet[WebSocketHandler] = WeakSet()  # to kernels, terminals, language servers, events


def remember_answers() -> None:
    """Have the server go on with the hub's last answer about a person while the hub is away or in trouble."""
    ask = HubOAuth._check_hub_authorization  # noqa: SLF001

    async def ask_or_remember(
        auth: HubOAuth, url: str, api_token: str, cache_key: str = "", use_cache: bool = True
    ) -> dict[str, Any] | None:
        now = time.monotonic()
        try:
            answer: dict[str, Any] | None = await ask(auth, url, api_token, cache_key, use_cache)
        except web.HTTPError:
            answered_at, remembered = _known.get(cache_key, (0.0, None))
            if remembered is None or now - answered_at > OUTAGE_SECONDS:
                raise
            return remembered
        for key in [key for key, (answered_at, _) in _known.items() if now - answered_at > OUTAGE_SECONDS]:
            del _known[key]
        if answer is None:
            _known.pop(cache_key, None)
        else:
            _known[cache_key] = (now, answer)
        return answer

    HubOAuth._check_hub_authorization = ask_or_remember  # noqa: SLF001


class SignedOutHandler(APIHandler):
    """`POST …/paja/signed-out`, by the hub: nobody is known any more, and no page hears from the server.

    Kernels and terminals go on. A page of the learner's own comes back by itself where its log-in is still good.
    """

    auth_resource = "paja"
    _track_activity = False

    def initialize(self, hub_auth: HubOAuth) -> None:
        self.hub_auth = hub_auth

    @web.authenticated
    def post(self) -> None:
        _known.clear()
        self.hub_auth.cache.clear()
        for socket in list(_sockets):
            socket.close(1000, "signed out")
        self.set_status(204)
        self.finish()


def take_sign_outs() -> None:
    """Give the server the address at which its hub says that the learner has logged out."""
    inherited = JupyterHubIdentityProvider.get_handlers
    accept = WebSocketHandler.get

    async def remember_and_accept(handler: WebSocketHandler, *parts: Any, **named: Any) -> None:
        _sockets.add(handler)
        await accept(handler, *parts, **named)

    def get_handlers(provider: JupyterHubIdentityProvider) -> list[tuple[Any, ...]]:
        provider.hub_auth.cache_max_age = FRESH_SECONDS
        own = (r"/paja/signed-out", SignedOutHandler, {"hub_auth": provider.hub_auth})
        return [*inherited(provider), own]

    JupyterHubIdentityProvider.get_handlers = get_handlers
    WebSocketHandler.get = remember_and_accept  # type: ignore[assignment,method-assign]
