"""What is killed, when, and how long it takes until it is right again. The same seed is the same schedule."""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import psutil
from django.db import connection

from deploy.development.keys import ensure_keys
from deploy.development.programs import Program, make_programs
from labs.models import LabSession
from labs.states import ACTIVE_SESSION_STATUSES
from tests.live.stack import Stack
from tests.soak.servers import Server, find_servers

SERVER = "single-user server"
SPARED = {"web"}  # the pages themselves; what they do while everything else is down is what is looked at
PAUSE = (4.0, 16.0)
LONGEST = 120.0  # a kill is followed for so long


@dataclass(frozen=True)
class PlannedFault:
    """`pick` chooses among the servers that there are at that moment."""

    after: float
    kind: str
    pick: float


@dataclass
class Fault:
    """A kill that was done. `recovered_at` is empty while what was killed is not right again."""

    kind: str
    target: str
    factory: str
    killed_at: float
    recovered_at: float | None = None


def plan_faults(seed: str, seconds: float, programs: list[str]) -> list[PlannedFault]:
    """The kills of a run: each program as often as any other, learners' servers as often as three of them."""
    chance = random.Random(seed)
    kinds = [*programs, *[SERVER] * 3]
    planned = []
    after = chance.uniform(*PAUSE)
    while after < seconds:
        planned.append(PlannedFault(after, chance.choice(kinds), chance.random()))
        after += chance.uniform(*PAUSE)
    return planned


def programs_of(stack: Stack) -> dict[str, Program]:
    """The programs of this Paja by name, as they would be started now."""
    keys = ensure_keys(stack.place.data / "secrets", [hub.factory for hub in stack.place.hubs])
    return {program.name: program for program in make_programs(stack.place, keys)}


def find_victims(stack: Stack) -> list[str]:
    return [name for name in programs_of(stack) if name not in SPARED]


@dataclass
class FaultLog:
    """What was killed so far; learners' servers by name as well."""

    faults: list[Fault] = field(default_factory=list)
    skipped: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        with self.lock:
            self.faults.append(fault)
        return fault

    @property
    def killed_servers(self) -> dict[str, float]:
        """When each learner's server was killed, by its name."""
        return {fault.target: fault.killed_at for fault in self.faults if fault.kind == SERVER}


class FaultMaker:
    """Does the planned kills at their times; each is followed in a thread of its own until it is right again."""

    def __init__(self, stack: Stack, log: FaultLog) -> None:
        self._stack = stack
        self._log = log
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="fault")
        self._followed: list[Future[None]] = []

    def make(self, planned: list[PlannedFault], seconds: float) -> None:
        """Return when the time is over."""
        started = time.monotonic()
        for fault in planned:
            time.sleep(max(0.0, started + fault.after - time.monotonic()))
            self._followed.append(self._threads.submit(self._do, fault))
        time.sleep(max(0.0, started + seconds - time.monotonic()))

    def finish(self) -> None:
        """Wait until every kill was followed to its end."""
        for each in self._followed:
            each.result()
        self._threads.shutdown()

    def _do(self, planned: PlannedFault) -> None:
        try:
            if planned.kind == SERVER:
                self._kill_server(planned.pick)
            else:
                self._kill_program(planned.kind)
        finally:
            connection.close()

    def _kill_program(self, name: str) -> None:
        if not self._stack.is_running(name):  # killed a moment ago, not up yet
            self._log.skipped += 1
            return
        program = programs_of(self._stack)[name]  # now, as what its log says from now on is its answer
        factory = next((hub.factory for hub in self._stack.place.hubs if name.endswith(hub.factory)), "")
        kind = name.removesuffix(f"-{factory}").removesuffix(f".{factory}") if factory else name
        fault = self._log.add(Fault(kind, name, factory, time.time()))
        with contextlib.suppress(AssertionError, psutil.Error):  # what is not up again is what the log tells
            self._stack.kill(name)
            self._follow(fault, lambda: program.is_answering() and self._has_routes(fault))

    def _has_routes(self, fault: Fault) -> bool:
        """A proxy that was killed forgets where learners' servers are until its hub tells it again."""
        if fault.kind != "proxy":
            return True
        servers = [server for server in find_servers(self._stack.place) if server.factory == fault.factory]
        rows = LabSession.objects.filter(server_name__in=[server.name for server in servers], status="ready")
        ready = set(rows.values_list("server_name", flat=True))
        return all(self._answers(server) for server in servers if server.name in ready)

    def _answers(self, server: Server) -> bool:
        hub = next(hub for hub in self._stack.place.hubs if hub.factory == server.factory)
        url = f"http://127.0.0.1:{hub.port}/user/{server.user}/{server.name}/api"
        try:
            answer = httpx.get(url, headers={"Host": f"{server.user}.{hub.factory}.localhost:{hub.port}"})
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def _kill_server(self, pick: float) -> None:
        servers = sorted(find_servers(self._stack.place), key=lambda server: (server.factory, server.user))
        if not servers:
            self._log.skipped += 1
            return
        server = servers[int(pick * len(servers))]
        fault = self._log.add(Fault(SERVER, server.name, server.factory, time.time()))
        with contextlib.suppress(psutil.NoSuchProcess):
            server.process.kill()
        self._follow(fault, lambda: not is_active(server.name))

    def _follow(self, fault: Fault, is_right: Callable[[], bool]) -> None:
        while time.time() < fault.killed_at + LONGEST:
            if is_right():
                fault.recovered_at = time.time()
                return
            time.sleep(0.25)


def is_active(server_name: str) -> bool:
    """Whether Paja still believes in a session with that server."""
    rows = LabSession.objects.filter(server_name=server_name, status__in=ACTIVE_SESSION_STATUSES)
    return rows.exists()
