"""What `make run` says and notices, without running it; tests/live has it whole."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from deploy.development import run
from deploy.development.place import Place, PlaceError
from deploy.development.supervision import ProcessState, Supervision
from deploy.slurm.dev_cluster import DevCluster
from deploy.slurm.place import ClusterError
from tests.servers import wait_for


def running(pid: int) -> ProcessState:
    return ProcessState("web", "RUNNING", pid, "")


def test_a_second_one_on_the_same_data_is_refused_in_words(tmp_path: Path) -> None:
    place = Place(port=8000, data=tmp_path)

    with (
        run.sole_use(place),
        pytest.raises(PlaceError, match=r"runs on .* already .*process"),
        run.sole_use(place),
    ):
        pass


def test_whoever_is_not_root_is_told_so_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PAJA_SLURM", "1")
    monkeypatch.setenv("PAJA_DATA", str(tmp_path / "data"))

    with pytest.raises(PlaceError, match="as root"):
        run.main()

    assert not capsys.readouterr().out
    assert not (tmp_path / "data").exists()


def test_a_slurm_that_runs_there_already_is_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[DevCluster] = []
    monkeypatch.setattr(run, "check_slurm", lambda _place: None)
    monkeypatch.setattr(DevCluster, "start", refuse)
    monkeypatch.setattr(DevCluster, "stop", stopped.append)
    monkeypatch.setenv("PAJA_SLURM", "1")
    monkeypatch.setenv("PAJA_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(run, "endings_interrupt", lambda: None)
    monkeypatch.setattr(run, "endings_wait", lambda: None)
    monkeypatch.setattr(Place, "check_ports", lambda _place: None)
    # It ends every descendant of its process, which here has those of other tests.
    monkeypatch.setattr(Supervision, "stop", lambda _supervision: None)

    with pytest.raises(PlaceError, match="runs already"):
        run.main()

    assert not stopped


def refuse(_cluster: DevCluster) -> None:
    raise ClusterError("one runs already")


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    place = Place(port=8000, data=tmp_path)
    with run.sole_use(place):
        pass
    with run.sole_use(place):
        pass


def test_a_process_that_was_started_again_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(port=8000, data=tmp_path)

    run.report_change(place, None, running(1))
    run.report_change(place, running(1), running(1))
    run.report_change(place, running(1), running(2))

    assert capsys.readouterr().out.count("web had ended and was started again") == 1


def test_a_process_that_does_not_stay_up_names_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.report_change(
        Place(8000, tmp_path), running(1), ProcessState("web", "BACKOFF", 0, "Exited too quickly")
    )

    said = capsys.readouterr().out
    assert "Exited too quickly" in said
    assert str(tmp_path / "log" / "web.log") in said


def test_the_status_file_names_every_process(tmp_path: Path) -> None:
    place = Place(port=8000, data=tmp_path)
    run.write_status(place, "ready", [running(7)])

    status = json.loads(place.status_file.read_text())
    assert status["state"] == "ready"
    assert status["pid"] == os.getpid()
    assert status["processes"] == {"web": {"pid": 7, "state": "RUNNING"}}


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_make_that_is_ended_alone_is_noticed(tmp_path: Path, number: signal.Signals) -> None:
    """A shell passes Ctrl-C to everybody; a program that runs make may signal make only."""
    program = tmp_path / "child.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys, time
            sys.path.insert(0, {str(Path.cwd())!r})
            from deploy.development import run
            parent = os.getppid()
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("noticed", flush=True)))
            print("ready", flush=True)
            while not run.is_abandoned(parent):
                time.sleep(0.05)
            print("noticed", flush=True)
            """
        )
    )
    (tmp_path / "Makefile").write_text(f"run:\n\t@true && exec {sys.executable} child.py > said\n")
    said = tmp_path / "said"
    with subprocess.Popen(
        ["env", "--default-signal=INT", "make", "run"], cwd=tmp_path, start_new_session=True
    ) as make:
        wait_for(lambda: said.exists() and "ready" in said.read_text(), seconds=20, what="its child runs")
        make.send_signal(number)
        wait_for(lambda: "noticed" in said.read_text(), seconds=10, what="noticed")
        make.wait(timeout=10)
