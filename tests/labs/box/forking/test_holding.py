"""Modules that are held back: handed out as if they were imported then, and never in the place of a learner's file."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.box.forking.holding import HeldModules, find_package, noted_imports

FILES = {
    "held_table.py": "import held_numbers\n",
    "held_numbers/__init__.py": "from held_numbers import sums\n",
    "held_numbers/sums.py": "total = 3\n",
    "held_picture.py": "colour = 'blue'\n",
}
NAMES = ("held_table", "held_numbers", "held_numbers.sums", "held_picture")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules that are imported and held back; it is put in front of them in `sys.path` for a learner's."""
    library, own = tmp_path / "library", tmp_path / "own"
    own.mkdir()
    for name, source in FILES.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(source)
    monkeypatch.setattr(sys, "path", [str(library), *sys.path])
    others = {find_package(name) for name in sys.modules}
    needs: dict[str, set[str]] = {}
    with noted_imports(needs):
        for name in ("held_table", "held_picture"):
            importlib.import_module(name)
    held = HeldModules(others, needs)
    monkeypatch.setattr(sys, "meta_path", [held, *sys.meta_path])
    sys.path.insert(0, str(own))
    yield own
    for name in [name for name in sys.modules if name.startswith("held_")]:
        del sys.modules[name]


def loaded() -> set[str]:
    return {name for name in sys.modules if name in NAMES}


@pytest.mark.usefixtures("place")
def test_what_was_imported_ahead_is_not_seen() -> None:
    assert loaded() == set()


@pytest.mark.usefixtures("place")
def test_a_package_comes_whole_and_with_what_it_imports_and_with_nothing_else() -> None:
    module = importlib.import_module("held_numbers.sums")
    assert module.total == 3
    assert loaded() == {"held_numbers", "held_numbers.sums"}
    importlib.import_module("held_table")
    assert loaded() == set(NAMES) - {"held_picture"}


@pytest.mark.usefixtures("place")
def test_a_module_is_as_one_that_was_imported_now() -> None:
    module = importlib.import_module("held_picture")
    assert module is sys.modules["held_picture"]
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    assert importlib.reload(module).colour == "blue"


def test_a_file_of_the_learners_comes_first_where_python_would_have_found_it_first(place: Path) -> None:
    (place / "held_numbers.py").write_text("total = 'mine'\n")
    assert importlib.import_module("held_numbers").total == "mine"
    assert loaded() == {"held_numbers"}


def test_a_file_of_the_learners_is_never_exchanged_by_another_import(place: Path) -> None:
    (place / "held_numbers.py").write_text("total = 'mine'\n")
    importlib.import_module("held_table")
    assert importlib.import_module("held_numbers").total == "mine"


def test_a_module_that_the_learner_put_there_stays(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    mine = type(sys)("held_numbers")
    monkeypatch.setitem(sys.modules, "held_numbers", mine)
    importlib.import_module("held_table")
    assert sys.modules["held_numbers"] is mine
