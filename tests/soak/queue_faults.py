"""What is killed while a thousand submissions wait, and when. The same seed is the same order of kinds and pauses."""

import contextlib
import random
import threading
import time
import traceback

import psutil
from django.db import connection

from labs.models import GradingRun
from labs.states import GradingStatus
from labs.work.grading_retries import MAX_TRIES, count_tries
from tests.live.grading_processes import FORK_SERVER, NAME, find_forks, find_grading_processes
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.soak.faults import Fault, FaultLog

WORKER, PROCESS, SERVER = "grading worker", "grading process", "fork server"
GRADERS = frozenset({WORKER, PROCESS, SERVER})
"""What may cost a run a try."""

KINDS = {WORKER: 2, PROCESS: 4, SERVER: 3, "redis": 3, "worker-sweeping": 1, "beat": 1}
PAUSE = (6.0, 24.0)
PATIENCE = 60.0


class Killer(threading.Thread):
    """Kills one thing after another until it is stopped; `crash` is what went wrong with that."""

    def __init__(self, stack: Stack, seed: str, log: FaultLog) -> None:
        super().__init__(name="killer", daemon=True)
        self.crash = ""
        self._stack = stack
        self._log = log
        self._chance = random.Random(f"{seed}/faults")
        self._is_over = threading.Event()

    def run(self) -> None:
        try:
            while not self._is_over.wait(self._chance.uniform(*PAUSE)):
                kind = self._chance.choices(list(KINDS), list(KINDS.values()))[0]
                self._kill(kind, self._chance.random())
        except Exception:
            self.crash = traceback.format_exc()
        finally:
            connection.close()

    def stop(self) -> None:
        """Return when nothing is being killed any more, and what was killed last is back."""
        self._is_over.set()
        self.join()

    def _kill(self, kind: str, pick: float) -> None:
        if kind in GRADERS:
            # So that whatever is lost at the end was not lost by the third kill that met it.
            wait_until(lambda: not has_last_try(), "no run has its last try", seconds=PATIENCE)
        if kind in {PROCESS, SERVER}:
            self._kill_one(kind, pick)
            return
        name = NAME if kind == WORKER else kind
        if not self._stack.is_running(name):
            self._log.skipped += 1
            return
        fault = self._log.add(Fault(kind, name, "", time.time()))
        with contextlib.suppress(AssertionError, psutil.Error):  # what is not up again is what the log tells
            self._stack.kill(name)
            fault.recovered_at = time.time()

    def _kill_one(self, kind: str, pick: float) -> None:
        """One of the worker's processes, or of what its fork servers consist of; another one comes by itself."""
        if kind == PROCESS:
            pid = self._stack.find_pid(NAME)
            found = find_forks(psutil.Process(pid)) if pid else []
        else:
            found = [each for what, each in find_grading_processes(self._stack) if what == FORK_SERVER]
        if not found:
            self._log.skipped += 1
            return
        victim = found[int(pick * len(found))]
        fault = self._log.add(Fault(kind, f"process {victim.pid}", "", time.time()))
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
            victim.wait(timeout=PATIENCE)
        fault.recovered_at = time.time()


def has_last_try() -> bool:
    """Whether a run that must not meet another kill is being graded now."""
    running = GradingRun.objects.filter(status=GradingStatus.RUNNING)
    return any(count_tries(run) >= MAX_TRIES for run in running)
