"""What a job does on its node besides cleaning: a folder of its own, its post to the hub, its server's environment."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.jupyterhub.slurm.job_script import PROGRAM
from deploy.jupyterhub.slurm.node import job
from deploy.jupyterhub.slurm.node.cleaning import JobError
from labs.work.account_codes import make_line
from tests.servers import require

CODE = "ABCD-EFGH-JKLM"
IN_HOME = """
import sys, types
pwd.getpwuid = lambda _uid: types.SimpleNamespace(pw_dir=sys.argv[1], pw_name="ada")
main(json.loads(sys.argv[2]))
"""


class Hub(ThreadingHTTPServer):
    """Answers each post with the next of `statuses`."""

    statuses: list[int]
    heard: list[tuple[str, Any]]


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.headers["Authorization"], json.loads(body)))
        self.send_response(self.server.statuses.pop(0))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    server = Hub(("127.0.0.1", 0), HubHandler)
    server.statuses, server.heard = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def order(hub: Hub | None = None) -> dict[str, Any]:
    port = hub.server_address[1] if hub else 1
    return {
        "kind": "session",
        "hub_api_url": f"http://127.0.0.1:{port}/hub/api",
        "listen": "127.0.0.1",
        "environment": {"JUPYTERHUB_API_TOKEN": "secret", "JUPYTERHUB_SERVICE_PREFIX": "/user/p-1/s-1/"},
    }


@pytest.mark.live
def test_a_hub_that_does_not_know_yet_or_is_away_is_asked_again(hub: Hub) -> None:
    hub.statuses = [409, 503, 403, 204]

    job.tell_hub(order(hub), {"port": 40_001})

    assert hub.heard == [("token secret", {"port": 40_001})] * 4


@pytest.mark.live
def test_a_hub_that_does_not_understand_is_not_asked_again(hub: Hub) -> None:
    hub.statuses = [400]

    with pytest.raises(JobError):
        job.tell_hub(order(hub), {"port": 40_001})

    assert len(hub.heard) == 1


@pytest.mark.live
def test_a_hub_that_stays_away_ends_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 10_000, 400))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr("time.monotonic", lambda: next(moments))

    with pytest.raises(JobError):
        job.tell_hub(order(), {"port": 40_001})


def test_folders_of_sessions_that_were_killed_go_and_those_that_live_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "SHARED_PLACES", (str(tmp_path),))
    monkeypatch.setattr(job, "STALE_SECONDS", -1)
    killed, others = tmp_path / "paja-killed", tmp_path / "other"
    for folder in (killed, others):
        folder.mkdir()
        (folder / "lock").touch()
    (tmp_path / "paja-link").symlink_to(others)

    living = job.make_runtime()
    second = job.make_runtime()

    assert living.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {living.name, second.name, "other"}
    assert (others / "lock").exists()


def test_a_server_gets_the_jobs_devices_and_nothing_else_of_the_nodes_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("SLURM_JOB_USER", "ada")

    environment = job.server_environment(
        order(), pwd.getpwuid(os.getuid()), tmp_path / "paja", tmp_path / "runtime", 40_001
    )

    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert "SLURM_JOB_USER" not in environment
    assert environment["JUPYTERHUB_SERVICE_URL"] == "http://127.0.0.1:40001/user/p-1/s-1/"
    assert environment["PAJA_LAB_ROOT"] == str(tmp_path / "paja")


def type_line(home: Path, line: str = make_line(CODE)) -> None:
    """As the account's owner does, in a shell that lets everybody write."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    subprocess.run(["/bin/sh", "-c", f"umask 000; {line}"], env=environment, check=True, timeout=60)


def test_what_the_page_tells_to_type_is_what_the_job_looks_for(tmp_path: Path) -> None:
    assert job.find_code_fault(tmp_path, "") == ""
    assert job.find_code_fault(tmp_path, CODE) == "code_missing"
    (tmp_path / ".paja").mkdir()
    assert job.find_code_fault(tmp_path, CODE) == "code_missing"

    type_line(tmp_path)

    assert job.find_code_fault(tmp_path, CODE) == ""
    assert job.find_code_fault(tmp_path, "ABCD-EFGH-JKLN") == "code_wrong"


def test_the_line_mends_what_somebody_had_there_before(tmp_path: Path) -> None:
    (tmp_path / ".paja").mkdir()
    (tmp_path / ".paja").chmod(0o777)
    (tmp_path / ".paja/code").symlink_to(tmp_path / "elsewhere")

    type_line(tmp_path)

    assert job.find_code_fault(tmp_path, CODE) == ""
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("content", [f"{CODE}\r\n", CODE, f"  {CODE}\n\n"])
def test_how_a_line_ends_does_not_matter(tmp_path: Path, content: str) -> None:
    type_line(tmp_path)
    (tmp_path / ".paja/code").write_bytes(content.encode())

    assert job.find_code_fault(tmp_path, CODE) == ""


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", CODE.encode() + b" " * 60, CODE.lower().encode()])
def test_another_content_proves_nothing(tmp_path: Path, content: bytes) -> None:
    type_line(tmp_path)
    (tmp_path / ".paja/code").write_bytes(content)

    assert job.find_code_fault(tmp_path, CODE) == "code_wrong"


def link_code(home: Path) -> None:
    (home / ".paja/code").rename(home / "code")
    (home / ".paja/code").symlink_to(home / "code")


def link_folder(home: Path) -> None:
    (home / ".paja").rename(home / "paja")
    (home / ".paja").symlink_to(home / "paja")


def make_folder(home: Path) -> None:
    (home / ".paja/code").unlink()
    (home / ".paja/code").mkdir(mode=0o700)


def make_pipe(home: Path) -> None:
    (home / ".paja/code").unlink()
    os.mkfifo(home / ".paja/code", 0o600)


def make_file(home: Path) -> None:
    shutil.rmtree(home / ".paja")
    (home / ".paja").write_text(CODE)


def open_file(home: Path) -> None:
    (home / ".paja/code").chmod(0o620)


def open_folder(home: Path) -> None:
    (home / ".paja").chmod(0o702)


@pytest.mark.parametrize(
    "change", [link_code, link_folder, make_folder, make_pipe, make_file, open_file, open_folder]
)
def test_what_somebody_else_may_have_put_there_proves_nothing(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    type_line(tmp_path)
    change(tmp_path)

    assert job.find_code_fault(tmp_path, CODE) == "code_wrong"


@pytest.mark.live
@pytest.mark.parametrize("whose", [".paja", ".paja/code"])
def test_what_is_somebody_elses_proves_nothing(tmp_path: Path, whose: str) -> None:
    require(os.geteuid() == 0, "Giving a file to somebody else needs root.")
    type_line(tmp_path)
    os.chown(tmp_path / whose, 61_000, 61_000)

    assert job.find_code_fault(tmp_path, CODE) == "code_wrong"


@pytest.mark.live
def test_a_check_says_what_it_found_and_writes_nothing_into_a_home_that_is_not_proved(
    hub: Hub, tmp_path: Path
) -> None:
    hub.statuses = [204] * 4
    asked = {**order(hub), "kind": "check", "code": CODE, "cleans_for": "", "folder": ""}

    def check(**changes: object) -> object:
        argv = [sys.executable, "-I", "-", str(tmp_path), json.dumps({**asked, **changes})]
        done = subprocess.run(argv, input=PROGRAM + IN_HOME, text=True, check=False, timeout=60)
        assert done.returncode == 0
        return hub.heard[-1][1]

    assert check() == {"checked": False, "reason": "code_missing"}
    assert list(tmp_path.iterdir()) == []

    type_line(tmp_path, make_line("NPQR-STUV-WXYZ"))
    assert check() == {"checked": False, "reason": "code_wrong"}
    assert [path.name for path in tmp_path.iterdir()] == [".paja"]

    type_line(tmp_path)
    assert check() == {"checked": True}

    shutil.rmtree(tmp_path / ".paja")
    assert check(code="") == {"checked": True}
