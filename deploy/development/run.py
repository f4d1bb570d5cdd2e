"""`make run`: everything on one machine until Ctrl-C. Tests start it too and read its status file."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from deploy.development.keys import ensure_keys
from deploy.development.messages import compile_catalogues
from deploy.development.place import ROOT, Place, PlaceError
from deploy.development.programs import Program, make_programs, platform_environment
from deploy.development.supervision import ProcessState, Supervision, bare_environment, wait_for_earlier
from deploy.jupyterhub.sandbox import SandboxError, find_bubblewrap
from deploy.slurm.dev_cluster import DevCluster
from deploy.slurm.factory_files import write_factory_file
from deploy.slurm.machine import check_machine
from deploy.slurm.node_view import NodeView
from deploy.slurm.place import ClusterError

READY_SECONDS = 120
SETTLED = ("RUNNING", "BACKOFF")  # a process on its way is neither news nor what it was before
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    place = Place.from_environment(os.environ)
    check_slurm(place)
    started, slurm = time.monotonic(), None
    with sole_use(place):
        wait_for_earlier(place.runtime)
        place.check_ports()
        place.make_folders()
        keys = ensure_keys(place.data / "secrets", [hub.factory for hub in place.hubs])
        programs = make_programs(place, keys)
        supervision = Supervision(place, programs)
        endings_interrupt()
        try:
            say(f"Starting Paja on {place.origin} …")
            slurm = start_slurm(place)
            supervision.start()
            accounts = prepare_database(place, platform_environment(place, keys))
            for program in programs:
                if program.needs_database:
                    supervision.start_program(program.name)
            wait_until_answering(place, supervision, programs)
            say_ready(place, accounts, time.monotonic() - started)
            watch(place, supervision)
        except KeyboardInterrupt:
            pass
        finally:
            endings_wait()
            say("\nStopping everything, sessions included …")
            write_status(place, "stopping", [])
            supervision.stop()
            if slurm:  # one that ran there already is left alone
                slurm.stop()
            write_status(place, "stopped", [])
            say("Stopped. Your data is kept.")
    return 0


@contextmanager
def sole_use(place: Place) -> Iterator[None]:
    """Two on one data folder would be two databases' worth of trouble: the second is refused."""
    place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place.data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise PlaceError(
                f"Paja runs on {place.data} already ({lock.read().strip()}).\n"
                "Stop it first, or run a second one: PAJA_PORT=9000 PAJA_DATA=data-2 make run"
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {place.origin}")
        lock.flush()
        yield


def check_slurm(place: Place) -> None:
    """Before anything is made: whoever may not have a Slurm is told so, and nothing else."""
    if place.slurm:
        try:
            check_machine()
        except ClusterError as error:
            raise PlaceError(str(error)) from error


def start_slurm(place: Place) -> DevCluster | None:
    """Before Supervisor is there: its daemons are not to be ended with the processes below it, but in their order.

    What is Paja's own, its database and keys, is not there on the pretend nodes.
    """
    if place.slurm is None:
        return None
    slurm = DevCluster(place.slurm, NodeView(hidden=(place.data,)))
    try:
        slurm.start()
    except ClusterError as error:
        raise PlaceError(f"Slurm could not be started: {error}") from error
    for cluster, hub in zip(place.slurm.clusters, place.hubs, strict=True):
        write_factory_file(place.slurm, cluster, f"http://127.0.0.1:{hub.hub_port}/hub/api")
    return slurm


def prepare_database(place: Place, environment: dict[str, str]) -> str:
    """Message catalogues, tables, the demo, the hubs. Answers with the demo accounts, as text."""
    compile_catalogues()
    words = ["--slurm", f"--suffix={place.slurm.suffix}"] if place.slurm else []
    log = place.logs / "prepare.log"
    with log.open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.development.prepare", *words],
            cwd=ROOT,
            env={**bare_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise PlaceError(f"{tail}\n\nThe database could not be prepared. The whole log: {log}")
    return done.stdout.decode()


def wait_until_answering(place: Place, supervision: Supervision, programs: list[Program]) -> None:
    """Return when every program answers; say which one does not."""
    waiting = list(programs)
    deadline = time.monotonic() + READY_SECONDS
    while waiting:
        waiting = [program for program in waiting if not program.is_answering()]
        write_status(place, "starting", supervision.states())
        if waiting and (time.monotonic() > deadline or not supervision.is_running):
            names = ", ".join(program.name for program in waiting)
            raise PlaceError(f"Not answering after {READY_SECONDS} s: {names}. Their logs: {place.logs}")
        time.sleep(0.2)


def say_ready(place: Place, accounts: str, seconds: float) -> None:
    say(f"\nPaja runs: {place.origin}   (after {seconds:.0f} s)\n")
    say(accounts.rstrip())
    say(f"\nLogs: {place.logs}")
    try:
        find_bubblewrap()
    except SandboxError as error:
        say(f"Labs cannot start and nothing can be graded here: {error}")
    say("Ctrl-C stops everything.")


def watch(place: Place, supervision: Supervision) -> None:
    """Keep the status file true and say what died, until interrupted."""
    parent = os.getppid()
    before: dict[str, ProcessState] = {}
    while True:
        if not supervision.is_running:
            raise PlaceError(f"Supervisor ended. Its log: {place.logs / 'supervisord.log'}")
        states = supervision.states()
        for state in states:
            if state.state in SETTLED:
                report_change(place, before.get(state.name), state)
                before[state.name] = state
        write_status(place, "ready", states)
        if is_abandoned(parent):
            return
        time.sleep(0.5)


def report_change(place: Place, before: ProcessState | None, now: ProcessState) -> None:
    """One line for a process that was started again, or that does not stay up."""
    if before is None or (before.state, before.pid) == (now.state, now.pid):
        return
    log = place.logs / f"{now.name}.log"
    if now.state == "RUNNING" and before.pid != now.pid:
        say(f"{clock()} {now.name} had ended and was started again.")
    elif now.state == "BACKOFF":
        say(f"{clock()} {now.name} does not stay up and is tried again: {now.description}. See {log}")


def is_abandoned(parent: int) -> bool:
    """Whether the `make` that started this has ended, or got Ctrl-C alone and waits for us to end.

    Make passes SIGTERM on to us but not SIGINT, trusting the terminal to have sent it to everybody; it then
    waits with that signal blocked.
    """
    if os.getppid() != parent:
        return True
    try:
        status = Path(f"/proc/{parent}/status").read_text()
    except OSError:
        return False
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    is_interrupted = bool(int(fields.get("SigBlk", "0"), 16) & 1 << (signal.SIGINT - 1))
    return fields.get("Name") == "make" and is_interrupted


def endings_interrupt() -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        endings_wait()
        raise KeyboardInterrupt

    for number in ENDINGS:
        signal.signal(number, interrupt)


def endings_wait() -> None:
    """From now on the end is under way: a second Ctrl-C must not leave half of it running."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def write_status(place: Place, state: str, processes: list[ProcessState]) -> None:
    """For tests and the curious: where Paja is, whether it is ready, and each process's number."""
    status = {
        "state": state,
        "pid": os.getpid(),
        "origin": place.origin,
        "processes": {process.name: {"pid": process.pid, "state": process.state} for process in processes},
    }
    unfinished = place.status_file.with_suffix(".new")
    unfinished.write_text(json.dumps(status, indent=1))
    unfinished.replace(place.status_file)


def clock() -> str:
    return time.strftime("%H:%M:%S")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PlaceError as error:
        sys.exit(f"\n{error}")
