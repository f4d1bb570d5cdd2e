"""What Paja says in a session: given by Paja, kept in the server's memory, asked for by the page.

An extension of the Jupyter server, in the lab environment. The page's side is labextensions/paja-notice.
"""

import json
import os
import re
from datetime import datetime
from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from paja_tools import asked_tools, narrow_pages  # type: ignore[import-not-found]
from tornado import web

MAX_BYTES: Final = 16 * 1024
SETTING: Final = "paja_notice"
LEVELS: Final = ("info", "warning")
TEXTS: Final = {"language": 35, "paja_url": 2000, "message": 1000}
WORDS: Final = ("links", "words")


class WrongNoticeError(ValueError):
    """Not a notice; the message says why."""


def read_notice(body: bytes) -> dict[str, Any]:
    """A notice from its JSON, with every value of the kind that the page expects, and nothing else in it."""
    if len(body) > MAX_BYTES:
        raise WrongNoticeError(f"more than {MAX_BYTES} bytes")
    try:
        wire = json.loads(body)
    except (ValueError, RecursionError):
        raise WrongNoticeError("not JSON") from None
    if not isinstance(wire, dict):
        raise WrongNoticeError("not an object")
    notice: dict[str, Any] = {name: read_text(wire, name, longest) for name, longest in TEXTS.items()}
    if notice["paja_url"] and not notice["paja_url"].startswith(("https://", "http://")):
        raise WrongNoticeError("paja_url is no address of a page")
    for name in WORDS:
        words = wire.get(name) or {}
        if not isinstance(words, dict):
            raise WrongNoticeError(f"{name} is no object")
        notice[name] = {key: read_text(words, key, 200) for key in words}
    for name in ("ends_at", "saved_at"):
        notice[name] = read_moment(wire, name)
    notice["level"] = wire.get("level", "info")
    if notice["level"] not in LEVELS:
        raise WrongNoticeError("level is neither info nor warning")
    return notice


def read_text(wire: dict[str, Any], name: str, longest: int) -> str:
    text = wire.get(name, "")
    if not isinstance(text, str) or len(text) > longest:
        raise WrongNoticeError(f"{name} is no text of at most {longest} characters")
    return text


def read_moment(wire: dict[str, Any], name: str) -> str | None:
    moment = wire.get(name)
    if moment is None:
        return None
    try:
        if datetime.fromisoformat(moment).tzinfo is None:
            raise WrongNoticeError(f"{name} has no zone")
    except (TypeError, ValueError):
        raise WrongNoticeError(f"{name} is no time with its zone") from None
    return str(moment)


def note_language(language: str) -> None:
    """For what speaks to the learner in kernels that begin from now on, such as `paja_gpu`."""
    if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", language):
        os.environ["PAJA_LANGUAGE"] = language


class NoticeHandler(APIHandler):
    """PUT by Paja with its token for this server, GET by the page with the learner's cookie."""

    auth_resource = "paja"
    _track_activity = False  # a page that is open is no activity, and neither is Paja that looks after it

    @web.authenticated
    @authorized
    def get(self) -> None:
        self.finish(self.settings[SETTING])

    @web.authenticated
    @authorized
    def put(self) -> None:
        try:
            self.settings[SETTING] = read_notice(self.request.body)
        except WrongNoticeError as error:
            raise web.HTTPError(400, str(error)) from error
        note_language(self.settings[SETTING]["language"])
        self.set_status(204)
        self.finish()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "paja_notice"}]


def _load_jupyter_server_extension(server: Any) -> None:
    settings = server.web_app.settings
    settings[SETTING] = {}
    settings["page_config_hook"] = narrow_pages(settings.get("page_config_hook"), asked_tools())
    server.web_app.add_handlers(
        ".*$", [(url_path_join(settings["base_url"], "paja", "notice"), NoticeHandler)]
    )
