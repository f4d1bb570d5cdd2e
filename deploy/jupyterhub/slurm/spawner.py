"""The spawner of a factory: each server is a Slurm job."""

import asyncio
import re
from typing import Any, ClassVar, Final

from sqlalchemy.orm import object_session
from tornado import web
from traitlets import Float, Unicode

from deploy.jupyterhub.addresses import JOB_SERVER_NAME
from deploy.jupyterhub.slurm.callback import Heard
from deploy.jupyterhub.slurm.job_script import make_script
from deploy.jupyterhub.slurm.job_views import JobStage, JobView, Submission
from deploy.jupyterhub.slurm.options import OptionsRefusedError, SpawnRequest, read_options
from deploy.jupyterhub.slurm.safe_spawner import SafeSlurmSpawner
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError
from deploy.jupyterhub.slurm.submissions import cancel_submitted, is_gone, list_holders, wait_first
from deploy.jupyterhub.slurm.unix_accounts import is_in_use
from deploy.jupyterhub.slurm.watching import QueueWatch, get_watch

FIRST_ANSWER_SECONDS: Final = 60.0


class JobEndedError(web.HTTPError):
    """The job is over before its server was there; Paja reads how from the queue's answer."""

    def __init__(self) -> None:
        super().__init__(500, "The job of this server has ended.")


def is_starting(state: dict[str, Any] | None) -> bool:
    """Whether a stored state is of a server that was on its way when the hub ended: its start is to be gone on with."""
    return bool(state and state.get("job_name") and not state.get("port"))


class PajaSlurmSpawner(SafeSlurmSpawner):
    """Starts a server by submitting a job, once: a start that is asked for again goes on with the job that lives.

    What it knows is stored before the job is submitted and after each step, so that a hub that is killed at any
    moment finds its jobs by name, with their tokens. Slurm itself is asked by the hub's watch alone.
    """

    grader = Unicode(help="The account whose servers are the box's runner; no person has it.").tag(
        config=True
    )
    stop_seconds = Float(90, help="How long a stop waits for Slurm to say that the job is gone.").tag(
        config=True
    )
    port_seconds = Float(900, help="How long a running job may take to tell its port.").tag(config=True)
    job_name = Unicode(help="By which the job is found; set from its submission on.")
    kind = Unicode(help="session, check or grading")
    unix_account = Unicode(help="As whom it runs.")
    address = Unicode(help="Of its node, as the hub reaches it.")

    _check_fault: str | None = None  # empty once the check has passed
    # Who has which port, and which account, by job name: of servers that Slurm's answers may not tell yet.
    _ports: ClassVar[dict[tuple[str, int], str]] = {}
    _submitting: ClassVar[dict[str, Submission]] = {}

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self._heard = asyncio.Event()

    # --- What is stored --------------------------------------------------------------------------------

    def load_state(self, state: dict[str, Any]) -> None:
        self.job_name = state.get("job_name", "")
        self.job_id = state.get("job_id", "")
        self.kind = state.get("kind", "")
        self.unix_account = state.get("unix_account", "")
        self.address = state.get("address", "")
        self.port = state.get("port", 0)
        if self.job_name:
            self.api_token = state.get("token", "")
        if self.port:
            self._ports[self.address, self.port] = self.job_name

    def get_state(self) -> dict[str, Any]:
        if not self.job_name:
            return {}
        names = ("job_name", "job_id", "kind", "unix_account", "address", "port")
        return {**{name: getattr(self, name) for name in names}, "token": self.api_token}

    def clear_state(self) -> None:
        if self._ports.get((self.address, self.port)) == self.job_name:
            del self._ports[self.address, self.port]
        super().clear_state()
        self.job_name = self.job_id = self.kind = self.unix_account = self.address = ""
        self.port = 0
        self._check_fault = None

    def _store_state(self) -> None:
        self.orm_spawner.state = self.get_state()
        if session := object_session(self.orm_spawner):
            session.commit()

    @property
    def is_grading(self) -> bool:
        return bool(self.grader) and self.user.name == self.grader

    # --- Starting --------------------------------------------------------------------------------------

    async def start(self) -> str:
        """The server's address, when it listens: in seconds or days."""
        watch = get_watch()
        stored = self.orm_spawner.state or {}
        is_again = stored.get("job_name") == f"{watch.factory.job_prefix}-{self.name}"
        if is_again:
            self.load_state(stored)
        try:
            if not self.job_id:
                await self._ensure_job(watch, is_again=is_again)
            elif (
                watch.find(self.job_name) is None
            ):  # it has forgotten; what it does not know would wait for ever
                submission = self._read_request(watch).submission(self.user.name, self.name)
                watch.note_submitted(self.job_name, self.job_id, submission)
            await self._wait_listening(watch)
        except (OptionsRefusedError, SubmitRefusedError) as error:
            self._note_refused(watch, error.reason)
            self.clear_state()
            raise web.HTTPError(400, f"Refused: {error.reason}") from error
        except JobEndedError:
            if self.kind == "check":
                watch.note_checked(self.unix_account, self.name, "failed", "job_failed")
            raise
        if self._check_fault is not None:
            outcome = "failed" if self._check_fault else "passed"
            watch.note_checked(self.unix_account, self.name, outcome, self._check_fault)
            raise web.HTTPError(409, "The account was tried out; there is no server to reach.")
        self._store_state()
        return self._url

    async def _ensure_job(self, watch: QueueWatch, *, is_again: bool) -> None:
        """Submit the job, or find the one whose submission's answer was lost."""
        request = self._read_request(watch)
        await self._wait_account(watch, request.unix_account)
        self.job_name = f"{watch.factory.job_prefix}-{self.name}"
        self.kind, self.unix_account = request.kind, request.unix_account
        submission = request.submission(self.user.name, self.name)
        self._submitting[self.job_name] = submission
        try:
            watch.note_submitting(self.job_name, submission)
            self._store_state()
            while not self.job_id:
                if is_again:
                    await watch.next_answer()
                    view = watch.find(self.job_name)
                    self.job_id = view.job_id if view and view.is_live else ""
                if not self.job_id:
                    is_again = True
                    self.job_id = await self._submit(watch, request)
            watch.note_submitted(self.job_name, self.job_id, submission)
            self._store_state()
        finally:
            self._submitting.pop(self.job_name, None)

    def _read_request(self, watch: QueueWatch) -> SpawnRequest:
        if not re.fullmatch(JOB_SERVER_NAME, self.name):
            raise OptionsRefusedError("option_unknown")
        return read_options(self.user_options, watch.factory, is_grader=self.is_grading)

    async def _wait_account(self, watch: QueueWatch, unix_account: str) -> None:
        """Until nobody else is in the account; refused at once where somebody is, and is not about to leave it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.stop_seconds
        while True:
            staying = [job.submission for job in watch.list_live() if not job.is_stopped]
            staying += self._submitting.values()
            leaving = list_holders(watch)
            is_taken = [
                is_in_use(watch.factory, unix_account, by=self.user.name, holders=holders)
                for holders in (staying, leaving)
            ]
            if not any(is_taken):
                return
            if is_taken[0] or loop.time() > deadline:
                raise OptionsRefusedError("unix_account_in_use")
            await wait_first(watch.changed())

    async def _submit(self, watch: QueueWatch, request: SpawnRequest) -> str:
        """The new job's id; empty where the answer was lost. A start that is taken back meanwhile takes it along."""
        script = make_script(request, watch.factory, self.get_env())
        submitting = asyncio.ensure_future(watch.scheduler.submit(request.job(self.job_name), script))
        try:
            return await asyncio.shield(submitting)
        except SchedulerUnavailableError as error:
            self.log.warning("%s: no answer to its submission: %s", self.job_name, error)
            return ""
        except asyncio.CancelledError:
            submitting.add_done_callback(
                lambda done: cancel_submitted(done, watch.scheduler, request.unix_account)
            )
            raise

    async def _wait_listening(self, watch: QueueWatch) -> None:
        """Until the job runs and has told its port, however long it waits in the queue before."""
        loop = asyncio.get_running_loop()
        deadline = None
        while self._check_fault is None:
            self._heard.clear()
            view = watch.find(self.job_name)
            if view is not None and view.stage is JobStage.ENDED:
                raise JobEndedError
            if view is not None and view.stage is JobStage.RUNNING:
                if self.port:
                    return
                deadline = deadline or loop.time() + self.port_seconds
                if loop.time() > deadline:
                    raise web.HTTPError(500, "The job runs, and its server has not said where.")
            await wait_first(watch.changed(), self._heard.wait())

    def _note_refused(self, watch: QueueWatch, reason: str) -> None:
        watch.note_refused(self.user.name, self.name, reason)
        options = self.user_options if isinstance(self.user_options, dict) else {}
        if options.get("kind") == "check":
            watch.note_checked(str(options.get("unix_account", ""))[:64], self.name, "failed", reason)

    # --- What a job tells ------------------------------------------------------------------------------

    def hear_port(self, port: int) -> Heard:
        """A running job's own port, once. Where it runs is Slurm's word, never the job's."""
        if self.kind not in {"session", "grading"}:
            return Heard.REFUSED
        if self.port:  # whose answer was lost asks again; another port is somebody else's idea
            return Heard.TAKEN if port == self.port else Heard.REFUSED
        view = self._find_running()
        if view is None:
            return Heard.LATER
        address = get_watch().factory.nodes.address_of(view.nodes[0])
        if (address, port) in self._ports:  # of a server that has just ended, as the job has opened it
            return Heard.LATER
        self.address, self.port = address, port
        self._ports[address, port] = self.job_name
        self._store_state()
        self._heard.set()
        return Heard.TAKEN

    def hear_check(self, fault: str) -> Heard:
        """How a check came out, once: a fault, or empty."""
        if self.kind != "check":
            return Heard.REFUSED
        if self._find_running() is None:
            return Heard.LATER
        if self._check_fault is None:
            self._check_fault = fault
        self._heard.set()
        return Heard.TAKEN

    def _find_running(self) -> JobView | None:
        view = get_watch().find(self.job_name) if self.job_id else None
        return view if view and view.stage is JobStage.RUNNING and view.nodes else None

    # --- Following and stopping ------------------------------------------------------------------------

    async def get_url(self) -> str:
        return self._url

    @property
    def _url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"

    async def poll(self) -> int | None:
        """None while the job lives, as far as is known: no answer of Slurm's ends nothing."""
        if not self.job_id:
            return 0
        watch = get_watch()
        if self._check_pending and watch.answered_at is None:  # the hub has just been started
            await wait_first(watch.next_answer(), seconds=FIRST_ANSWER_SECONDS)
        view = watch.find(self.job_name)
        if view is None or view.is_live:
            return None
        return (view.ending.exit_code if view.ending else None) or 0

    async def stop(self, now: bool = False) -> None:
        """Cancel the job and wait until Slurm says that it is gone; after a while the watch's sweep sees to it."""
        if not self.job_id:
            return
        watch, loop = get_watch(), asyncio.get_running_loop()
        watch.note_stopping(self.job_name)
        deadline = loop.time() + self.stop_seconds
        is_asked = False
        while not is_gone(watch, self.job_name):
            if not is_asked:
                is_asked = await self._cancel(watch)
            if now or loop.time() > deadline:
                self.log.warning("%s: Slurm has not ended it yet", self.job_name)
                return
            await wait_first(watch.changed())

    async def _cancel(self, watch: QueueWatch) -> bool:
        try:
            await watch.scheduler.cancel([(self.job_id, self.unix_account)])
        except SchedulerUnavailableError as error:
            self.log.warning("%s: no answer to its cancellation: %s", self.job_name, error)
            return False
        return True
