"""`dev-cluster` as a person types it: it leaves nothing, and finds what a killed one left."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.jupyterhub.processes import ProcessMark
from deploy.slurm import dev_cluster, machine
from deploy.slurm.daemons import OF_RUN, has_process_with
from deploy.slurm.dev_cluster import DevCluster, is_abandoned
from deploy.slurm.place import TMP, ClusterError, ClusterPlace
from deploy.slurm.unix_accounts import accounts_of
from tests.servers import wait_for
from tests.servers.slurm import RealCluster, find_slurm_port, require_slurm

TOOL = Path(__file__).resolve().parents[3] / "deploy" / "slurm" / "dev-cluster"
# It leaves its job's process group and session, as a learner's server may.
RUNAWAY = "#!/bin/sh\nsetsid sleep {seconds} &\nexec sleep 86400\n"

live = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("slurm")]


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="paja-sl-") as folder:
        yield Path(folder) / "data"
        for name in ("data", "killed"):
            if left := ClusterPlace.find(Path(folder) / name):
                DevCluster(left).stop()  # a test that failed must not hold ports and names


def tool(data: Path, what: str, *options: str) -> list[str]:
    own = ["--data", str(data), "--port", str(find_slurm_port()), "--nodes", "1", "--people", "1"]
    return [sys.executable, str(TOOL), what, *own, "--suffix", f"d{os.getpid()}"[:8], *options]


def run(data: Path, what: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        tool(data, what, *options), capture_output=True, text=True, timeout=120, check=False, umask=0o077
    )


def place_of(data: Path) -> ClusterPlace:
    found = ClusterPlace.find(data)
    assert found is not None
    return found


def assert_nothing_is_left(place: ClusterPlace) -> None:
    assert not has_process_with(f"{OF_RUN}={place.run}")
    assert not accounts_of(place.run)
    assert not place.run.exists()


class TestStartAndStop:
    pytestmark = live

    def test_after_a_start_that_was_killed_another_starts_and_stop_leaves_nothing(self, data: Path) -> None:
        require_slurm()
        killed_data = data.with_name("killed")
        starter = subprocess.Popen(tool(killed_data, "start"), stderr=subprocess.DEVNULL)
        controllers_log = killed_data / "log" / "kajaani.log"
        wait_for(controllers_log.exists, seconds=100, what="half of a start")
        killed = place_of(killed_data)
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        assert accounts_of(killed.run)
        assert has_process_with(f"{OF_RUN}={killed.run}")

        # The names are the same: had the first one's accounts been kept, they would be refused.
        started = run(data, "start")
        assert started.returncode == 0, started.stderr
        assert_nothing_is_left(killed)
        status = run(data, "status")
        assert status.returncode == 0
        assert status.stdout.count("idle") == 4

        running = RealCluster(DevCluster(place_of(data)))
        account = running.learners("athens")[0]
        seconds = f"86400.{os.getpid()}"
        options = ["--partition=gpu", "--account=training", "--mem=1G"]
        running.submit("athens", account, RUNAWAY.format(seconds=seconds), *options)
        wait_for(lambda: has_command(seconds), seconds=30, what="the job has a process on its own")

        stopped = run(data, "stop")
        assert stopped.returncode == 0, stopped.stderr
        assert_nothing_is_left(running.place)
        assert not has_command(seconds)
        assert run(data, "status").returncode == 3
        assert run(data, "stop").returncode == 0, "stopped is stopped"

    def test_names_that_another_one_has_are_refused_and_left_alone(
        self, slurm: RealCluster, data: Path
    ) -> None:
        place = ClusterPlace(data=data, base_port=find_slurm_port(), suffix=slurm.place.suffix)
        before = accounts_of(slurm.place.run)

        with pytest.raises(ClusterError, match=r"there already[\s\S]*--suffix"):
            DevCluster(place).start()

        assert accounts_of(slurm.place.run) == before
        assert_nothing_is_left(place)

    def test_one_that_runs_is_not_started_twice(self, slurm: RealCluster) -> None:
        with pytest.raises(ClusterError, match=r"runs on .* already"):
            DevCluster(slurm.place).start()

        assert slurm.dev.is_idle(slurm.plan("kajaani"))


def has_command(word: str) -> bool:
    for process in psutil.process_iter():
        try:
            if process.cmdline()[-1:] == [word]:
                return True
        except psutil.Error:
            continue
    return False


@pytest.fixture
def place(data: Path) -> Iterator[ClusterPlace]:
    """A place with its folders and nothing in them."""
    place = ClusterPlace(data=data, base_port=8030)
    for folder in (place.private, place.marks, place.logs):
        folder.mkdir(parents=True)
    yield place
    subprocess.run(["rm", "-r", str(place.run)], check=True)


def test_one_whose_owner_lives_is_left_alone(place: ClusterPlace) -> None:
    owner = ProcessMark.of(os.getpid())
    ClusterPlace(place.data, place.base_port, owner=owner).save()

    assert ClusterPlace.find(place.data) == ClusterPlace(place.data, place.base_port, owner=owner)
    assert not is_abandoned(place.run)


def test_one_whose_owner_has_ended_is_over(place: ClusterPlace) -> None:
    ended = subprocess.Popen(["sleep", "60"])
    owner = ProcessMark.of(ended.pid)
    ended.kill()
    ended.wait()
    ClusterPlace(place.data, place.base_port, owner=owner).save()

    assert is_abandoned(place.run)


def test_one_of_nobody_is_over_when_none_of_its_daemons_runs(place: ClusterPlace) -> None:
    place.save()
    daemons = DevCluster(place).daemons
    assert is_abandoned(place.run)

    daemons.start("sleeper", ["sleep", "60"])
    assert not is_abandoned(place.run)
    assert daemons.list_running() == ["sleeper"]
    daemons.end(["sleeper"], seconds=10)

    assert is_abandoned(place.run)


def test_a_daemon_that_does_not_listen_is_killed(place: ClusterPlace) -> None:
    daemons = DevCluster(place).daemons
    daemons.start("deaf", ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 60; done"])
    wait_for(lambda: "deaf" in (place.logs / "deaf.log").read_text(), seconds=10, what="it is deaf")

    daemons.end(["deaf"], seconds=0.2)

    wait_for(lambda: daemons.find("deaf") is None, seconds=10, what="its end")


def test_only_accounts_with_our_comment_and_our_home_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    run = TMP / "paja-slurm-0123456789"

    def entry(name: str, comment: str, home: Path) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", 1001, 1001, comment, str(home), "/usr/sbin/nologin"))

    ours = entry("train01", "Paja dev-cluster", run / "homes" / "train01")
    monkeypatch.setattr(
        pwd,
        "getpwall",
        lambda: [
            ours,
            entry("train02", "A person", run / "homes" / "train02"),
            entry("train03", "Paja dev-cluster", Path("/home/train03")),
            entry("train04", "Paja dev-cluster", TMP / "paja-slurm-another000" / "homes" / "train04"),
            entry("train05", "Paja dev-cluster", run / "homes" / "somebody"),
        ],
    )

    assert accounts_of(run) == [ours]


def test_a_machine_that_lacks_something_is_told_all_of_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name, path: None if "d" in name else f"/usr/bin/{name}")

    with pytest.raises(ClusterError, match=r"as root[\s\S]*apt install .*mariadb-server munge .*slurmd"):
        machine.check_machine()


def test_a_link_is_not_taken_for_one_that_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_cluster, "TMP", tmp_path)
    (tmp_path / "precious").mkdir()
    (tmp_path / "paja-slurm-0123456789").symlink_to(tmp_path / "precious")

    dev_cluster.end_abandoned()

    assert (tmp_path / "paja-slurm-0123456789").is_symlink()
    assert (tmp_path / "precious").is_dir()
