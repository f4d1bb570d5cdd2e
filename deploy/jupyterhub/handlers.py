"""The hub's answers that are ours: the way into a server, pages in place of its own forms, the sign-out.

JupyterHub asks the authenticator's handlers before its own, so these stand in their place.
"""

import re
from http import HTTPStatus
from urllib.parse import urlencode

from jupyterhub import orm
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers import BaseHandler
from jupyterhub.handlers.base import UserUrlHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.user import User
from oauthenticator.oauth2 import OAuthCallbackHandler
from tornado import web
from tornado.ioloop import IOLoop

from deploy.jupyterhub.addresses import SERVER_NAME, USER_NAME, ServerAddress
from deploy.jupyterhub.signing_out import end_browser_session, end_log_ins, tell_servers
from deploy.jupyterhub.slurm.callback import ListeningHandler
from deploy.jupyterhub.slurm.queue_api import QueueHandler

ASKED_COOKIE = "paja-asked"  # whose address this browser has just been sent to Paja for
ASKED_SECONDS = 60


class OwnHandler(BaseHandler):
    """A page for one person only. Anybody else is asked by Paja, once, who they are now."""

    def is_for(self, name: str) -> bool:
        """Whether the hub's log-in is of that person; forgets that it asked."""
        if not isinstance(self.current_user, User) or self.current_user.name != name:
            return False
        if self.get_cookie(ASKED_COOKIE):
            self.clear_cookie(ASKED_COOKIE, path=self.hub.base_url)
        return True

    async def ask_again(self, name: str) -> None:
        """Log in anew through Paja and come back here; where that was done already, say what is so.

        The log-in that the browser has is not touched before Paja has named another person: else any page of the
        web could log a learner out by a link to somebody's lab.
        """
        if getattr(self, "_token_authenticated", False):  # no browser, and nobody to log in
            raise web.HTTPError(HTTPStatus.NOT_FOUND)
        # A name that Paja never makes is nobody's, and may hold what no cookie takes.
        if self.get_cookie(ASKED_COOKIE) == name or not re.fullmatch(USER_NAME, name):
            self.clear_cookie(ASKED_COOKIE, path=self.hub.base_url)
            self.set_status(HTTPStatus.NOT_FOUND)
            self.finish(await self.render_template("not_yours.html"))
            return
        self._set_cookie(
            ASKED_COOKIE,
            name,
            encrypted=False,
            path=self.hub.base_url,
            max_age=ASKED_SECONDS,
            expires_days=None,
        )
        query = urlencode({"next": self.request.uri})
        self.redirect(f"{self.hub.base_url}oauth_login?{query}")


class OpenHandler(OwnHandler):
    """`/hub/open?next=/user/<name>/<server>/…`: how Paja opens a lab, for the person whose lab it is."""

    @web.authenticated
    async def get(self) -> None:
        address = ServerAddress.parse(self.get_argument("next", ""))
        if address is None:
            raise web.HTTPError(HTTPStatus.NOT_FOUND)
        if self.is_for(address.user):
            self.redirect(f"{self.current_user.host}{address.path}")
        else:
            await self.ask_again(address.user)


class AuthorizeHandler(OwnHandler, OAuthAuthorizeHandler):
    """Where a server sends a browser that it does not know, with its own address in the browser."""

    @web.authenticated
    async def get(self) -> None:
        client = (
            self.db.query(orm.OAuthClient)
            .filter(orm.OAuthClient.identifier == self.get_argument("client_id", ""))
            .one_or_none()
        )
        spawner = client.spawner if client else None
        if spawner is None or self.is_for(spawner.user.name):
            await OAuthAuthorizeHandler.get(self)
        else:
            await self.ask_again(spawner.user.name)


class ServerHandler(OwnHandler, UserUrlHandler):
    """`/user/<name>/<server>/…` when no server answers there: not running, on its way, or not one's own.

    Somebody else's name and a name that nobody has look the same.
    """

    @web.authenticated
    async def get(self, user_name: str, user_path: str | None) -> None:
        if self.is_for(user_name):
            await UserUrlHandler.get(self, user_name, user_path)
        else:
            await self.ask_again(user_name)


class PendingHandler(OwnHandler):
    """`/hub/spawn-pending/<name>/<server>`, until the server is there. JupyterHub's own asks for the right to spawn."""

    @web.authenticated
    async def get(self, user_name: str, server_name: str) -> None:
        if not self.is_for(user_name):
            await self.ask_again(user_name)
            return
        user = self.current_user
        spawner = user.spawners[server_name] if server_name in user.orm_user.orm_spawners else None
        if spawner and spawner.ready:
            self.redirect(self.get_next_url(user, default=user.server_url(server_name)))
            return
        if spawner and spawner.pending:
            page = "stop_pending.html" if spawner.pending == "stop" else "spawn_pending.html"
        else:
            page = "not_running.html"
            self.set_status(HTTPStatus.FAILED_DEPENDENCY)
        self.finish(await self.render_template(page, failed=bool(spawner and spawner._failed)))  # noqa: SLF001


class PlaceHandler(BaseHandler):
    """In place of JupyterHub's home, spawn form, tokens and administration: labs start in Paja."""

    async def get(self, *_parts: str) -> None:
        self.finish(await self.render_template("home.html"))


class CallbackHandler(OAuthCallbackHandler):
    """Where Paja sends a person whom it has logged in."""

    def set_login_cookie(self, user: User) -> None:
        """Another person at the same browser ends the log-in before: what it holds for servers is void at once.

        Servers keep the hub's answers under the browser session's id, and a new one makes them ask anew.
        """
        before = self.get_current_user_cookie()
        session_id = self.get_session_cookie()
        if before is not None and before.id != user.id and session_id:
            end_browser_session(self.db, before.orm_user, session_id)
            self.__dict__.pop("_session_id", None)
            self.set_session_cookie()
        super().set_login_cookie(user)


class SignOutHandler(APIHandler):
    """`POST /hub/api/paja/users/<name>/sign-out`: Paja says that a person has logged out there. Answers 204.

    The body may tell `seconds_ago`. Somebody whom the hub does not know has nothing to end.
    """

    _accept_cookie_auth = False  # Paja's service token only; no learner's holds the scope

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    def post(self, user_name: str) -> None:
        body = self.get_json_body() or {}
        seconds_ago = body.get("seconds_ago", 0) if isinstance(body, dict) else None
        if not isinstance(seconds_ago, int | float) or not 0 <= seconds_ago < 10**9:
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, "seconds_ago is a number of seconds")
        user = self.find_user(user_name)
        if user is not None:
            count = end_log_ins(self.db, user.orm_user, seconds_ago=seconds_ago)
            self.log.info("%s is signed out: %s tokens", user.name, count)
            IOLoop.current().spawn_callback(tell_servers, user)
        self.set_status(HTTPStatus.NO_CONTENT)


HANDLERS = [
    (r"/open", OpenHandler),
    (r"/api/oauth2/authorize", AuthorizeHandler),
    (rf"/api/paja/users/({USER_NAME})/sign-out", SignOutHandler),
    (r"/api/paja/queue", QueueHandler),
    (r"/api/paja/listening", ListeningHandler),
    (r"/user/(?P<user_name>[^/]+)(?P<user_path>/.*)?", ServerHandler),
    (rf"/spawn-pending/([^/]+)/({SERVER_NAME})", PendingHandler),
    (r"/(?:home|token|admin|accept-share|spawn)", PlaceHandler),
    (r"/spawn(?:-pending)?/.*", PlaceHandler),
]
