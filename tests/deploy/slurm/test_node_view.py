"""What a learner's job sees on a pretend node, with a checkout and an environment that only root may enter."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.jupyterhub.sandbox import find_bubblewrap
from deploy.slurm.node_view import FILES, LAB, NodeView, outermost
from tests.servers.slurm import require_slurm

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A checkout with a small environment, below a folder with mode 0700."""
    with tempfile.TemporaryDirectory(prefix="paja-closed-") as folder:
        root = Path(folder) / "paja"
        learner = root / "deploy" / "jupyterhub" / "learner"
        learner.mkdir(parents=True)
        (learner / "learner_server.py").write_text("a server")
        (root / "data").mkdir()
        (root / "data" / "db").write_text("marks")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / "lab")], check=True)
        yield root


def view_of(checkout: Path) -> NodeView:
    return NodeView(
        lab=checkout / "lab", platform=checkout / "lab", project=checkout, hidden=(checkout / "data",)
    )


def on_node(view: NodeView, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(view.argv(list(command)), capture_output=True, text=True, check=False)


@pytest.mark.live
def test_an_account_runs_the_labs_python_and_reads_our_files(checkout: Path) -> None:
    require_slurm()
    assert Path(checkout.parent).stat().st_mode & 0o777 == 0o700
    code = f"import json, sys; print(sys.prefix, open('{FILES}/learner_server.py').read())"

    done = on_node(view_of(checkout), *NOBODY, str(LAB / "bin" / "python"), "-c", code)

    assert done.stdout.strip() == f"{LAB} a server", done.stderr


@pytest.mark.live
def test_pajas_data_is_not_there_even_for_root(checkout: Path) -> None:
    require_slurm()

    assert on_node(view_of(checkout), "ls", str(checkout / "data")).stdout == ""
    assert (checkout / "data" / "db").read_text() == "marks", "only hidden"


@pytest.mark.live
def test_a_node_has_its_own_processes_and_a_user_can_close_a_box_there(checkout: Path) -> None:
    require_slurm()
    box = [str(find_bubblewrap()), "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "true"]

    boxed = on_node(view_of(checkout), *NOBODY, *box)
    listed = on_node(view_of(checkout), "sh", "-c", "ls -d /proc/[0-9]*")

    assert boxed.returncode == 0, boxed.stderr
    assert len(listed.stdout.split()) < 5


def test_files_for_their_owners_eyes_only_are_named(checkout: Path) -> None:
    assert view_of(checkout).find_closed() == []

    (checkout / "deploy" / "jupyterhub" / "learner" / "learner_server.py").chmod(0o600)

    assert view_of(checkout).find_closed() == [checkout / "deploy" / "jupyterhub" / "learner"]


def test_a_folder_in_a_covered_one_is_not_covered_again(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()

    found = outermost([tmp_path / "a" / "b", tmp_path / "a", None, tmp_path / "c", tmp_path / "absent"])

    assert found == [tmp_path / "a", tmp_path / "c"]
