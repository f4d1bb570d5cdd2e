"""The same starts asked of the hubs by their API alone: no Paja, no page, no files put in place."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import connection

from labs.exceptions import LabError
from labs.jupyterhub import HubClient
from labs.models import Hub, LabSession
from labs.models.sessions import make_server_name
from labs.work.connections import open_client
from labs.work.spawning import make_options
from tests.soak.slurm_class import SITES, Member

LOOK = 0.5
PATIENCE = 600.0
AT_ONCE = 32
ATTEMPTS = 5


@dataclass
class Start:
    """Times are `time.monotonic()`."""

    site: str
    user: str
    server: str
    options: dict[str, object]
    at: float
    asked_at: float | None = None
    ready_at: float | None = None
    fault: str = ""


def plan_starts(members: Sequence[Member], offsets: Sequence[float], begin: float) -> list[Start]:
    """Each member's last session once more, under another name."""
    starts = []
    for member, offset in zip(members, offsets, strict=True):
        session = LabSession.objects.filter(learner=member.user_id).latest("requested_at")
        options = make_options(session)
        user, name = session.learner.hub_name, make_server_name()
        starts.append(Start(member.site.factory, user, name, options, begin + offset))
    return starts


def start_all(starts: Sequence[Start], ready: int) -> list[float]:
    """Seconds from asking to a server that is ready, once `ready` of them are; all are ended before this returns."""
    is_over = threading.Event()
    threads = [threading.Thread(target=ask, args=(start,), daemon=True) for start in starts]
    lookers = [threading.Thread(target=look, args=(site.factory, starts, is_over)) for site in SITES]
    for thread in (*threads, *lookers):
        thread.start()
    deadline = time.monotonic() + PATIENCE
    while sum(start.ready_at is not None for start in starts) < ready and time.monotonic() < deadline:
        time.sleep(LOOK)
    for thread in threads:
        thread.join()
    is_over.set()
    for thread in lookers:
        thread.join()
    stop_all(starts)
    return sorted(start.ready_at - start.asked_at for start in starts if start.ready_at and start.asked_at)


def ask(start: Start) -> None:
    with client_of(start.site) as hub:
        connection.close()
        time.sleep(max(0.0, start.at - time.monotonic()))
        start.asked_at = time.monotonic()
        for _attempt in range(ATTEMPTS):
            try:
                hub.ensure_server(start.user, start.server, start.options)
            except LabError as error:
                start.fault = f"{start.server} at {start.site}: {error}"
                time.sleep(LOOK)
            else:
                start.fault = ""
                return


def look(site: str, starts: Sequence[Start], is_over: threading.Event) -> None:
    """One listing of everybody, as Paja's own sweep asks for."""
    own = {start.server: start for start in starts if start.site == site}
    with client_of(site) as hub:
        connection.close()
        while not is_over.wait(LOOK):
            try:
                servers = hub.list_servers()
            except LabError:
                continue
            now = time.monotonic()
            for (_user, name), model in servers.items():
                if model.is_ready and name in own and own[name].ready_at is None:
                    own[name].ready_at = now


def stop_all(starts: Sequence[Start]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(stop, starts))


def stop(start: Start) -> None:
    deadline = time.monotonic() + PATIENCE
    with client_of(start.site) as hub:
        connection.close()
        while time.monotonic() < deadline:
            try:
                if hub.ensure_stopped(start.user, start.server):
                    return
            except LabError:
                pass
            time.sleep(LOOK)
    start.fault = f"{start.server} at {start.site} was not stopped"


def client_of(site: str) -> HubClient:
    return open_client(Hub.objects.get(factory__slug=site))
