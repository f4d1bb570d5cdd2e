"""Logging in at the hub: through Paja, and by nothing else."""

from typing import Any

from jupyterhub.handlers import BaseHandler
from oauthenticator.generic import GenericOAuthenticator
from traitlets import Unicode

from deploy.jupyterhub.handlers import HANDLERS, CallbackHandler
from deploy.jupyterhub.pages import LANGUAGE_COOKIE, LANGUAGES
from deploy.jupyterhub.slurm.watching import find_watch

LANGUAGE_DAYS = 365


class PajaAuthenticator(GenericOAuthenticator):
    """Paja is the OpenID Connect provider; it tells an opaque name and the language of its pages."""

    callback_handler = CallbackHandler
    grader = Unicode(help="The account that grades: the hub knows it, and nobody logs in as it.").tag(
        config=True
    )

    def validate_username(self, username: str) -> bool:
        is_grader = bool(self.grader) and username == self.grader
        return is_grader or bool(super().validate_username(username))

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        """Ours before JupyterHub's. It asks once, between reading its database and looking at its servers."""
        watch = find_watch()
        if watch is not None:
            from deploy.jupyterhub.slurm import adopting  # which a hub without Slurm needs nothing of

            adopting.begin(app, watch)
        return [*HANDLERS, *super().get_handlers(app)]

    async def authenticate(
        self, handler: BaseHandler, data: object = None, **kwargs: object
    ) -> dict[str, Any] | None:
        """The person whom Paja has logged in; their language is kept for the hub's pages."""
        model: dict[str, Any] | None = await super().authenticate(handler, data, **kwargs)
        if model is not None and self.normalize_username(model["name"]) == self.grader:
            return None
        language = (model or {}).get("auth_state", {}).get(self.user_auth_state_key, {}).get("locale")
        if language in LANGUAGES:
            handler._set_cookie(  # noqa: SLF001  (with the hub's own options for cookies)
                LANGUAGE_COOKIE,
                language,
                encrypted=False,
                path=handler.hub.base_url,
                expires_days=LANGUAGE_DAYS,
            )
        return model
