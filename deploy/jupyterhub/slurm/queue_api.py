"""`GET /hub/api/paja/queue?since=<time>`: what Slurm does, for Paja's service token only."""

from datetime import datetime
from http import HTTPStatus
from typing import ClassVar

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from deploy.jupyterhub.slurm.queue_answer import QueueAnswer
from deploy.jupyterhub.slurm.watching import QueueWatch, find_watch

NO_SLURM = '{"scheduler": "none"}'


class QueueHandler(APIHandler):
    """Answers 200 with JSON, also where Slurm is silent; a hub without Slurm says that it has none.

    `since` is the `ended_until` of the answer before. Tornado sends an ETag, and 304 to who has the same already.
    """

    _accept_cookie_auth = False  # no page asks for it; no learner's token holds the scope
    _answer: ClassVar[tuple[QueueWatch, QueueAnswer] | None] = None

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    def get(self) -> None:
        since = self._read_since()
        watch = find_watch()
        self.set_header("Content-Type", "application/json")
        self.finish(self._find_answer(watch).render(since) if watch else NO_SLURM)

    def _read_since(self) -> datetime | None:
        text = self.get_argument("since", "")
        try:
            since = datetime.fromisoformat(text) if text else None
        except ValueError:
            since = None
        if text and (since is None or since.tzinfo is None):
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, "since is a time with its zone")
        return since

    @classmethod
    def _find_answer(cls, watch: QueueWatch) -> QueueAnswer:
        if cls._answer is None or cls._answer[0] is not watch:
            cls._answer = (watch, QueueAnswer(watch))
        return cls._answer[1]
