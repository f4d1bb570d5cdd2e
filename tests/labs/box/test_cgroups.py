"""A control group for each box, on a pretend tree; the real thing where this machine has it delegated to us."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.box.cgroups import ControlGroup, find_home
from labs.states import GradingOutcome

MEBIBYTE = 1024 * 1024
LIMITS = BoxLimits(memory_bytes=400 * MEBIBYTE, disk_bytes=32 * MEBIBYTE, processes=40)


class PretendTree:
    """A mount of version 2 and a /proc that tells of it, as files."""

    def __init__(self, folder: Path, own: str = "/system.slice/paja.service/worker") -> None:
        self.mount = folder / "cgroup"
        self.proc = folder / "proc"
        self.own = self.mount / own.strip("/")
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "mounts").write_text(f"tmpfs / tmpfs rw 0 0\ncgroup2 {self.mount} cgroup2 rw 0 0\n")
        (self.proc / "self" / "cgroup").write_text(f"4:memory:/x\n0::{own}\n")
        self.own.mkdir(parents=True)
        for group in (self.own, *self.own.parents):
            if group.is_relative_to(self.mount):
                self.fill(group, controllers="cpu memory pids", handed_on="")

    def fill(self, group: Path, *, controllers: str, handed_on: str) -> None:
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text("")
        (group / "cgroup.controllers").write_text(controllers)
        (group / "cgroup.subtree_control").write_text(handed_on)
        if group != self.mount:
            (group / "cgroup.type").write_text("domain\n")

    def delegate(self, group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As systemd marks it; a folder of files cannot be marked everywhere."""

        def getxattr(path: Path, name: str) -> bytes:
            if Path(path) == group and name == "user.delegate":
                return b"1"
            raise OSError

        monkeypatch.setattr(os, "getxattr", getxattr)
        monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def tree(tmp_path: Path) -> PretendTree:
    find_home.cache_clear()
    return PretendTree(tmp_path)


def test_boxes_have_groups_beside_the_workers_own(tree: PretendTree, monkeypatch: pytest.MonkeyPatch) -> None:
    service = tree.own.parent
    tree.delegate(service, monkeypatch)
    assert find_home(tree.proc) == service
    assert (service / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_what_nobody_delegated_is_left_alone_also_by_root(
    tree: PretendTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert find_home(tree.proc) is None
    assert (tree.own.parent / "cgroup.subtree_control").read_text() == ""


def test_a_user_has_what_they_may_write_to(tree: PretendTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).is_relative_to(tree.own.parent))
    (tree.own / "cgroup.subtree_control").unlink()  # a group with processes of its own hands nothing on
    assert find_home(tree.proc) == tree.own.parent


def test_a_container_has_its_own_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_home.cache_clear()
    tree = PretendTree(tmp_path, own="/")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert find_home(tree.proc) is None, "the machine's real root"
    find_home.cache_clear()
    (tree.mount / "cgroup.type").write_text("domain\n")
    assert find_home(tree.proc) == tree.mount


@pytest.mark.parametrize("controllers", ["", "memory", "cpu pids"])
def test_without_both_controllers_there_is_no_home(
    tree: PretendTree, monkeypatch: pytest.MonkeyPatch, controllers: str
) -> None:
    tree.delegate(tree.own.parent, monkeypatch)
    tree.fill(tree.own.parent, controllers=controllers, handed_on="")
    assert find_home(tree.proc) is None


@pytest.mark.parametrize("told", ["4:memory:/x\n", "0::/../elsewhere\n", ""])
def test_without_a_group_of_version_2_there_is_no_home(tree: PretendTree, told: str) -> None:
    (tree.proc / "self" / "cgroup").write_text(told)
    assert find_home(tree.proc) is None


class PretendGroup(ControlGroup):
    """A new group in a real tree has its files; here they are laid out beforehand."""

    @classmethod
    def lay_out(cls, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
        make = Path.mkdir

        def make_with_files(folder: Path) -> None:
            make(folder)
            for name in names:
                (folder / name).write_text("")

        monkeypatch.setattr(Path, "mkdir", make_with_files)


FILES = ("memory.max", "memory.oom.group", "memory.swap.max", "pids.max", "cgroup.procs")


def test_a_group_bounds_memory_tasks_and_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PretendGroup.lay_out(monkeypatch, FILES)
    ControlGroup.make(tmp_path, LIMITS)
    (folder,) = tmp_path.iterdir()
    told = {name: (folder / name).read_text() for name in FILES}
    assert int(told["memory.max"]) == LIMITS.memory_bytes + LIMITS.held_bytes
    assert LIMITS.processes < int(told["pids.max"]) <= LIMITS.processes + 8
    assert (told["memory.oom.group"], told["memory.swap.max"]) == ("1", "0")


def test_a_group_that_cannot_be_bounded_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ControlGroup.make(tmp_path, LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_accounts_of_swap_has_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PretendGroup.lay_out(monkeypatch, tuple(name for name in FILES if name != "memory.swap.max"))
    ControlGroup.make(tmp_path, LIMITS)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_command_is_in_the_group_before_it_is_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PretendGroup.lay_out(monkeypatch, FILES)
    group = ControlGroup.make(tmp_path, LIMITS)
    (folder,) = tmp_path.iterdir()
    program = f"import os; print(os.getpid(), open({str(folder / 'cgroup.procs')!r}).read())"
    done = subprocess.run(
        [*group.enter_command(), sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    itself, told = done.stdout.split()
    assert itself == told


def test_a_group_that_cannot_be_entered_runs_nothing(tmp_path: Path) -> None:
    command = [*ControlGroup(tmp_path / "gone").enter_command(), "echo", "ran"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""


def test_a_process_that_was_started_elsewhere_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("")
    ControlGroup(tmp_path).add(4711)
    assert (tmp_path / "cgroup.procs").read_text() == "4711"
    with pytest.raises(FileNotFoundError):
        ControlGroup(tmp_path / "gone").add(4711)


def test_an_end_by_memory_and_one_by_tasks_are_told_from_others(tmp_path: Path) -> None:
    group = ControlGroup(tmp_path)
    assert not group.was_out_of_memory
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\n")
    (tmp_path / "pids.events").write_text("max 0\n")
    assert not group.was_out_of_memory
    assert not group.was_out_of_tasks
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\n")
    (tmp_path / "pids.events").write_text("max 7\n")
    assert group.was_out_of_memory
    assert group.was_out_of_tasks


def test_a_group_is_removed_with_what_is_left_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "box-1"
    folder.mkdir()
    written = []
    monkeypatch.setattr(ControlGroup, "_write", lambda _, name, text: written.append((name, text)))
    ControlGroup(folder).remove()
    assert written == [("cgroup.kill", "1")]
    assert not folder.exists()


@pytest.mark.live
def test_this_machine_ends_a_tree_of_processes_for_its_memory(lab_python: Path) -> None:
    """By a control group where one is delegated, else by watching: the children, none of them large, are the hog."""
    from nbformat.v4 import new_code_cell, new_notebook

    hog = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        hog = b"x" * 90_000_000
        time.sleep(60)
time.sleep(60)
"""
    run = execute_notebook(
        new_notebook(cells=[new_code_cell(hog)]),
        files={},
        limits=LIMITS,
        environment=BoxEnvironment(lab_python),
    )
    assert run.outcome is GradingOutcome.OUT_OF_MEMORY
    home = find_home()
    assert home is None or not list(home.glob("box-*"))
