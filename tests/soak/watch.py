"""Looks at the machine every second while things break: is a workspace ever on two servers at once?"""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass

import psutil
from django.db import connection

from labs.models import LabSession
from tests.live.stack import Stack
from tests.soak.servers import Server, find_servers

EVERY = 1.0


class Watch(threading.Thread):
    """`doubled`: what was seen, in words. `most`: the most servers at one moment."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="watch", daemon=True)
        self.doubled: list[str] = []
        self.samples = 0
        self.most = 0
        self._stack = stack
        self._is_over = threading.Event()
        self._workspaces: dict[str, int] = {}

    def run(self) -> None:
        while not self._is_over.wait(EVERY):
            self.look()
        connection.close()

    def stop(self) -> None:
        self._is_over.set()
        self.join()

    def look(self) -> None:
        servers = find_servers(self._stack.place)
        self.samples += 1
        self.most = max(self.most, len(servers))
        for together in self._by_workspace(servers):
            living = [server for server in together if is_alive(server.process)]
            if len(living) > 1:  # also now: one did not just end while the list was made
                names = ", ".join(f"{server.name} (process {server.process.pid})" for server in living)
                self.doubled.append(f"{time.strftime('%H:%M:%S')} {living[0].user}: {names}")

    def _by_workspace(self, servers: list[Server]) -> list[list[Server]]:
        """Servers that share a workspace. A server that no row knows shares its user's."""
        unknown = {server.name for server in servers} - self._workspaces.keys()
        if unknown:
            rows = LabSession.objects.filter(server_name__in=unknown)
            self._workspaces.update(rows.values_list("server_name", "workspace_id"))
        groups: dict[str, list[Server]] = defaultdict(list)
        for server in servers:
            groups[str(self._workspaces.get(server.name, server.user))].append(server)
        return [group for group in groups.values() if len(group) > 1]


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Memory:
    """Resident megabytes of a program with its forks, or of all learners' servers together."""

    megabytes: float
    processes: int


def measure_memory(stack: Stack, names: list[str]) -> dict[str, Memory]:
    """By program; learners' servers with their kernels under one name."""
    found: dict[str, Memory] = {}
    for name in names:
        process = stack.process(name)
        forks = [child for child in process.children() if child.name() == process.name()]
        found[name] = weigh([process, *forks])
    servers = [server.process for server in find_servers(stack.place)]
    found["single-user servers"] = weigh(servers)
    found["their kernels"] = weigh([child for server in servers for child in children_of(server)])
    return found


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def weigh(processes: list[psutil.Process]) -> Memory:
    sizes = []
    for process in processes:
        try:
            sizes.append(process.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    return Memory(sum(sizes) / 1024**2, len(sizes))
