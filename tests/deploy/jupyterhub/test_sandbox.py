"""The command line in front of a learner's server, and whose it is."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.jupyterhub import accounts
from deploy.jupyterhub.accounts import ensure_home, next_uid
from deploy.jupyterhub.processes import ProcessMark
from deploy.jupyterhub.sandbox import Sandbox, find_base, parent_folders
from deploy.jupyterhub.spawner import LOG_NAME, open_log


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A virtual environment on an installation under somebody's home."""
    base = tmp_path / "home" / "versions" / "3.11"
    (base / "bin").mkdir(parents=True)
    (base / "bin" / "python3").touch()
    lab = tmp_path / "project" / ".venv-lab"
    (lab / "bin").mkdir(parents=True)
    (lab / "pyvenv.cfg").write_text(f"home = {base / 'bin'}\nversion_info = 3.11.7\n")
    (lab / "bin" / "python").symlink_to(base / "bin" / "python3")
    return lab / "bin" / "python"


def argv(python: Path, tmp_path: Path) -> list[str]:
    box = Sandbox(
        Path("/usr/bin/bwrap"), python, tmp_path / "homes/p-1", tmp_path / "learner", 40_001, 40_001
    )
    return box.argv(["server"], passwd_fd=3, group_fd=4, info_fd=5)


def test_only_the_environment_its_base_and_the_home_are_mounted(python: Path, tmp_path: Path) -> None:
    words = argv(python, tmp_path)
    mounted = [words[at + 1] for at, word in enumerate(words) if word in {"--bind", "--ro-bind"}]
    ours = [path for path in mounted if path.startswith(str(tmp_path))]

    assert ours == [
        str(python.parent.parent),
        str(tmp_path / "home/versions/3.11"),
        str(tmp_path / "learner"),
        str(tmp_path / "homes/p-1"),
    ]
    writable = [words[at + 1] for at, word in enumerate(words) if word == "--bind"]
    assert writable == [str(tmp_path / "homes/p-1")]


def test_what_is_empty_is_mounted_before_what_may_lie_below_it(python: Path, tmp_path: Path) -> None:
    """The project itself may lie under /tmp."""
    words = argv(python, tmp_path)

    assert words.index("/tmp") < words.index("--dir") < words.index(str(python.parent.parent))


def test_a_base_in_usr_needs_no_mount(python: Path) -> None:
    (python.parent.parent / "pyvenv.cfg").write_text("home = /usr/bin\n")
    python.unlink()
    python.symlink_to("/usr/bin/env")

    assert find_base(python) == []


def test_as_root_the_server_becomes_the_learner_and_can_never_be_more(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.jupyterhub.sandbox.os.geteuid", lambda: 0)
    words = argv(python, tmp_path)

    inside = words[words.index("--") + 1 :]
    assert inside[:4] == ["setpriv", "--reuid=40001", "--regid=40001", "--clear-groups"]
    assert "--no-new-privs" in inside
    assert inside[-1] == "server"
    assert "--unshare-user" not in words


def test_as_a_user_a_namespace_of_users_does_it(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.jupyterhub.sandbox.os.geteuid", lambda: 1000)
    words = argv(python, tmp_path)

    assert "--unshare-user" in words
    assert "--cap-add" not in words
    assert words[words.index("--") + 1 :] == ["server"]


def test_folders_above_a_mount_can_be_entered_by_anybody() -> None:
    assert parent_folders([Path("/above/a/b"), Path("/above/c")]) == [
        "--perms", "0755", "--dir", "/above", "--perms", "0755", "--dir", "/above/a",
    ]  # fmt: skip


def test_accounts_are_counted_and_kept_in_the_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners: dict[Path, int] = {}
    real = Path.stat

    class Owned:
        def __init__(self, path: Path) -> None:
            self.st_mode = real(path).st_mode
            self.st_uid = owners.get(path, 0)

    monkeypatch.setattr("deploy.jupyterhub.accounts.os.geteuid", lambda: 0)
    monkeypatch.setattr(
        "deploy.jupyterhub.accounts.os.chown", lambda path, uid, _gid: owners.update({path: uid})
    )
    monkeypatch.setattr(Path, "stat", lambda path, **_: Owned(path))

    for name in ("p-1", "p-2", "p-1"):
        ensure_home(tmp_path, name, first_uid=40_000)

    assert owners == {tmp_path / "p-1": 40_000, tmp_path / "p-2": 40_001}


def test_two_who_start_at_once_get_two_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def count_slowly(_homes: Path, first_uid: int) -> int:
        uid = first_uid + len(given)
        time.sleep(0.02)
        return uid

    monkeypatch.setattr(accounts, "next_uid", count_slowly)
    monkeypatch.setattr("deploy.jupyterhub.accounts.os.geteuid", lambda: 0)
    monkeypatch.setattr("deploy.jupyterhub.accounts.os.chown", lambda _path, uid, _gid: given.append(uid))
    first_uid = os.getuid() + 40_000

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: ensure_home(tmp_path, name, first_uid=first_uid), ("p-1", "p-2")))

    assert given == [first_uid, first_uid + 1]


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_a_learner_put_in_the_place_of_the_log_is_removed(
    kind: str, python: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").touch()
    log = tmp_path / LOG_NAME
    if kind == "link":
        log.symlink_to(target)
    else:
        (log / "inner").mkdir(parents=True)
    box = Sandbox(Path("/usr/bin/bwrap"), python, tmp_path, tmp_path, os.getuid(), os.getgid())

    with open_log(log, box) as descriptor:
        os.write(descriptor, b"said")

    assert log.read_bytes() == b"said"
    assert (target / "kept").exists()


def test_a_home_left_to_root_is_never_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    (tmp_path / "p-1").mkdir()
    monkeypatch.setattr("deploy.jupyterhub.accounts.os.geteuid", lambda: 0)
    monkeypatch.setattr("deploy.jupyterhub.accounts.os.chown", lambda _path, uid, _gid: given.append(uid))

    ensure_home(tmp_path, "p-1", first_uid=os.getuid() + 40_000)

    assert given == [os.getuid() + 40_000]


def test_accounts_run_out_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "ACCOUNTS", 1)
    (tmp_path / "p-1").mkdir()

    with pytest.raises(RuntimeError, match="given away"):
        next_uid(tmp_path, os.getuid())


def test_a_process_is_itself_and_no_other_of_the_same_number() -> None:
    mark = ProcessMark.of(os.getpid())

    assert mark is not None
    assert mark.is_alive()
    assert not ProcessMark(mark.pid, mark.start_ticks + 1, mark.boot_id).is_alive()
    assert not ProcessMark(mark.pid, mark.start_ticks, "another boot").is_alive()
    assert ProcessMark.of(2**22 + 1) is None
