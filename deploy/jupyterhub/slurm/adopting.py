"""A hub that comes back takes its jobs up again: servers go on, starts go on, and what nobody owns is cancelled.

JupyterHub itself finds servers that ran when it ended. Of those that were on their way it would ask their address,
which they have none of yet, and stop them: their starts are gone on with here instead, before it looks.
"""

import asyncio
from typing import Any

from jupyterhub import orm
from jupyterhub.user import User
from sqlalchemy.exc import SQLAlchemyError

from deploy.jupyterhub.slurm.job_views import Submission
from deploy.jupyterhub.slurm.options import OptionsRefusedError, read_options
from deploy.jupyterhub.slurm.orphans import OrphanSearch
from deploy.jupyterhub.slurm.spawner import PajaSlurmSpawner, is_starting
from deploy.jupyterhub.slurm.watching import QueueWatch


def begin(app: Any, watch: QueueWatch) -> None:
    """Begin to watch Slurm. To be called once, with the hub's database read and its spawners not looked at yet."""
    hub = WatchedHub(app, watch)
    watch.book.identify = hub.identify
    hub.tasks = [asyncio.ensure_future(watch.run()), asyncio.ensure_future(hub.search())]
    hub.take_up_starts()


class WatchedHub:
    """The hub's side of its jobs: whose servers there are, and the starts that it goes on with."""

    def __init__(self, app: Any, watch: QueueWatch) -> None:
        self._app = app
        self._watch = watch
        self.tasks: list[asyncio.Future[None]] = []  # else they might be collected while they run

    # --- Starts ----------------------------------------------------------------------------------------

    def take_up_starts(self) -> None:
        """Every start that the hub was in the midst of when it ended is a pending one again, at once."""
        db = self._app.db
        for orm_spawner in db.query(orm.Spawner).filter(orm.Spawner.state.isnot(None)).all():
            if not is_starting(orm_spawner.state):
                continue
            if orm_spawner.server is not None:  # else JupyterHub would look for it there
                db.delete(orm_spawner.server)
                orm_spawner.server = None
            user = self._app.users[orm_spawner.user]
            spawner = user.spawners[orm_spawner.name]
            spawner._spawn_pending = True  # noqa: SLF001  (as BaseHandler.spawn_single_user does)
            spawner._spawn_future = asyncio.ensure_future(self._go_on(user, spawner))  # noqa: SLF001
            spawner._spawn_future.add_done_callback(lambda done, spawner=spawner: end_start(spawner, done))  # noqa: SLF001
        db.commit()

    async def _go_on(self, user: User, spawner: PajaSlurmSpawner) -> None:
        """What JupyterHub does for a start that is asked for, but for the asking."""
        while self._watch.answered_at is None:
            await self._watch.changed()
        job = self._watch.find(spawner.job_name)
        if job is not None and job.is_stopped:
            self._app.log.info("%s: its stop was under way: it is not started again", spawner._log_name)  # noqa: SLF001
            await self._forget_start(spawner)
            return
        self._app.log.info("%s: its start goes on", spawner._log_name)  # noqa: SLF001
        await user.spawn(spawner.name)
        spawner._proxy_pending = True  # noqa: SLF001
        try:
            await self._app.proxy.add_user(user, spawner.name)
        except Exception:
            await user.stop(spawner.name)
            raise
        finally:
            spawner._proxy_pending = False  # noqa: SLF001
        spawner.add_poll_callback(self._end_server, user, spawner.name)

    async def _forget_start(self, spawner: PajaSlurmSpawner) -> None:
        await spawner.stop()
        spawner.clear_state()
        spawner.orm_spawner.state = {}
        self._app.db.commit()

    async def _end_server(self, user: User, server: str) -> None:
        """As JupyterHub does for a server that it finds gone."""
        await self._app.proxy.delete_user(user, server)
        await user.stop(server)

    # --- Orphans ---------------------------------------------------------------------------------------

    async def search(self) -> None:
        """Look for jobs that nobody owns after each answer, for ever."""
        orphans = OrphanSearch(self._watch, self.find_owned)
        while True:
            await self._watch.changed()
            try:
                await orphans.look()
            except Exception:
                self._app.log.exception("Looking for jobs that nobody owns failed")

    def find_owned(self) -> set[str] | None:
        """The servers that the hub has or is starting or stopping; None where its database does not say."""
        try:
            rows = self._app.db.query(orm.Spawner.name).filter(orm.Spawner.server_id.isnot(None)).all()
        except SQLAlchemyError:
            self._app.log.exception("The hub's database does not tell its servers")
            self._app.db.rollback()
            return None
        active = {
            spawner.name
            for user in self._app.users.values()
            for spawner in user.spawners.values()
            if spawner.active
        }
        return {name for (name,) in rows} | active

    def identify(self, server: str) -> Submission | None:
        """Whose a server is and what it was given, while the hub still has it; None for one that it has not."""
        found = self._app.db.query(orm.Spawner).filter(orm.Spawner.name == server).first()
        if found is None:
            return None
        user = found.user.name
        is_grader = user == self._app.authenticator.grader
        try:
            request = read_options(found.user_options or {}, self._watch.factory, is_grader=is_grader)
        except OptionsRefusedError:
            return None
        return request.submission(user, server)


def end_start(spawner: Any, done: "asyncio.Future[None]") -> None:
    """As JupyterHub does: a start that failed stays to be seen, another one is over."""
    if done.cancelled() or done.exception() is None:
        spawner._spawn_future = None  # noqa: SLF001
    else:
        spawner.log.error("%s: its start failed: %s", spawner._log_name, done.exception())  # noqa: SLF001
    spawner._spawn_pending = False  # noqa: SLF001
