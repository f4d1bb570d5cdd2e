"""What is left of the person before in a Unix account that is lent: nothing, whatever they did against it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.jupyterhub.slurm.job_script import PROGRAM
from tests.servers import require, wait_for

pytestmark = pytest.mark.live

PYTHON = "/usr/bin/python3"
UID = 61_000 + os.getpid() % 4000  # nobody's: whatever it has was made by a test
FIRST = "1f00ba12-0000-4000-8000-000000000001"
SECOND = "1f00ba12-0000-4000-8000-000000000002"
CLEAN = """
import sys
home, lease, places = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
globals()["SHARED_PLACES"] = places
home.chmod(0o700)
with locked(home / LOCK_NAME):
    clean(home, lease)
"""
STEPD = """
import subprocess, sys
open("/proc/self/comm", "w").write("slurmstepd")
uid = int(sys.argv[1])
subprocess.Popen(["/bin/sleep", "600"], user=uid, group=uid, extra_groups=[]).wait()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """Of an account of its own, beside a place that everybody writes to."""
    require(os.geteuid() == 0, "Accounts of one's own to clean need root.")
    require(Path(PYTHON).exists(), "The script of a job needs the system's Python here.")
    folder = Path(tempfile.mkdtemp(prefix="paja-home-"))  # pytest's own folders are closed to others
    folder.chmod(0o755)
    home, shared = folder / "home", folder / "shared"
    home.mkdir(mode=0o700)
    shared.mkdir()
    shared.chmod(0o1777)
    os.chown(home, UID, UID)
    yield home
    for process in of_account():
        process.kill()
    shutil.rmtree(folder)


def as_account(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-I", "-", *arguments],
        input=code,
        user=UID,
        group=UID,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def clean(home: Path, lease: str) -> subprocess.CompletedProcess[str]:
    return as_account(PROGRAM + CLEAN, str(home), lease, str(home.parent / "shared"))


def of_account() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["uids", "status"]):
        uids = process.info["uids"]
        if uids and uids.real == UID and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def test_nothing_of_the_person_before_is_left(home: Path) -> None:
    assert clean(home, FIRST).returncode == 0
    outside = home.parent / "kept"
    outside.mkdir()
    (outside / "file").write_text("another's")
    os.chown(outside, UID, UID)
    made = as_account(
        """
import os, sys
from pathlib import Path
home, outside, shared = map(Path, sys.argv[1:])
(home / "paja").mkdir()
(home / "paja" / "notes.ipynb").write_text("mine")
(home / ".ssh").mkdir()
(home / ".ssh" / "authorized_keys").write_text("ssh-ed25519 A")
os.symlink(outside, home / "link")
os.symlink(outside / "file", home / "paja" / "file")
closed = home / "closed" / "below"
closed.mkdir(parents=True)
(closed / "file").write_text("x")
(closed / "file").chmod(0)
closed.chmod(0)
closed.parent.chmod(0)
os.mkfifo(home / "fifo")
place = home
for number in range(1500):
    os.chdir(place)
    place = Path("d" * 100)
    place.mkdir()
os.chdir(shared)
Path("left").write_text("mine")
Path("folder").mkdir()
Path("folder/file").write_text("mine")
Path("folder").chmod(0)
home.chmod(0)
""",
        str(home),
        str(outside),
        str(home.parent / "shared"),
    )
    assert made.returncode == 0, made.stderr

    done = clean(home, SECOND)

    assert done.returncode == 0, done.stderr
    assert {path.name for path in home.iterdir()} == {".paja-lock", ".paja-lease"}
    assert not list((home.parent / "shared").iterdir())
    assert (outside / "file").read_text() == "another's"


def test_memory_semaphores_and_messages_that_no_folder_lists_are_gone(home: Path) -> None:
    assert clean(home, FIRST).returncode == 0
    made = as_account(
        """
import ctypes
libc = ctypes.CDLL(None)
print(libc.shmget(0, 4096, 0o1600), libc.semget(0, 1, 0o1600), libc.msgget(0, 0o1600))
"""
    )
    assert "-1" not in made.stdout.split(), made.stderr

    done = clean(home, SECOND)

    assert done.returncode == 0, done.stderr
    for listing in Path("/proc/sysvipc").iterdir():
        assert str(UID) not in listing.read_text().split(), listing


def test_what_others_put_in_a_shared_place_stays(home: Path) -> None:
    theirs = home.parent / "shared" / "theirs"
    theirs.write_text("theirs")

    assert clean(home, FIRST).returncode == 0
    assert theirs.exists()


def test_the_same_person_finds_their_files_again(home: Path) -> None:
    clean(home, FIRST)
    (home / "notes").write_text("mine")

    assert clean(home, FIRST).returncode == 0
    assert (home / "notes").exists()


def test_on_a_node_where_the_account_was_before_its_shared_places_are_cleaned_too(home: Path) -> None:
    clean(home, FIRST)
    (home / "notes").write_text("mine")
    left = home.parent / "shared" / "left"
    left.write_text("of a lease before")
    os.chown(left, UID, UID)
    (home / ".paja-lease" / socket.gethostname()).write_text("another lease")

    assert clean(home, FIRST).returncode == 0
    assert not left.exists()
    assert (home / "notes").exists()


@pytest.mark.parametrize("trap", ["folder", "link", "fifo", "closed"])
def test_no_trap_in_the_place_of_the_lock_or_the_markers_holds_the_next_person_up(
    trap: str, home: Path
) -> None:
    outside = home.parent / "outside"
    outside.write_text("kept")
    outside.chmod(0o666)
    for name in (".paja-lock", ".paja-lease"):
        path = home / name
        match trap:
            case "folder":
                (path / "home").mkdir(parents=True)
            case "link":
                path.symlink_to(outside)
            case "fifo":
                os.mkfifo(path)
            case "closed":
                path.touch(mode=0)
        for each in (path, *([path / "home"] if trap == "folder" else [])):
            os.lchown(each, UID, UID)
    (home / "notes").touch()
    os.chown(home / "notes", UID, UID)

    done = clean(home, FIRST)

    assert done.returncode == 0, done.stderr
    assert not (home / "notes").exists()
    assert outside.read_text() == "kept"


def test_processes_of_the_person_before_end_also_those_that_left_their_job(home: Path) -> None:
    clean(home, FIRST)
    stray = subprocess.Popen(
        [
            PYTHON,
            "-c",
            "import time; time.sleep(600)",
        ],
        user=UID,
        group=UID,
        extra_groups=[],
        cwd="/",
        start_new_session=True,
    )
    wait_for(lambda: stray.pid in [process.pid for process in of_account()], seconds=10, what="it runs")

    assert clean(home, SECOND).returncode == 0
    assert stray.wait(timeout=10) == -9


def test_a_process_below_roots_slurmstepd_is_a_living_jobs_and_is_left(home: Path) -> None:
    stepd = subprocess.Popen([PYTHON, "-c", STEPD, str(UID)], cwd="/")
    try:
        wait_for(of_account, seconds=10, what="its job runs")
        (living,) = of_account()

        assert clean(home, FIRST).returncode == 0
        assert living.is_running()
        assert living.status() != psutil.STATUS_ZOMBIE
    finally:
        for process in of_account():
            process.kill()
        stepd.wait(timeout=10)


def test_a_learner_who_calls_a_process_slurmstepd_saves_nothing(home: Path) -> None:
    stray = subprocess.Popen(
        [PYTHON, "-c", "open('/proc/self/comm', 'w').write('slurmstepd'); import time; time.sleep(600)"],
        user=UID,
        group=UID,
        extra_groups=[],
        cwd="/",
    )
    wait_for(lambda: stray.pid in [process.pid for process in of_account()], seconds=10, what="it runs")

    assert clean(home, FIRST).returncode == 0
    assert stray.wait(timeout=10) == -9
