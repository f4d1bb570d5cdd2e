"""What is made of a release once: bounded, by its content, nothing of a learner in it, and never made twice."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from nbformat import NotebookNode

from labs.box import BoxLimits, Execution
from labs.keeping import BoundedCache
from labs.nbgrader import loading
from labs.nbgrader.grading import autograde, check_work
from labs.nbgrader.loading import MAX_BYTES, MAX_RELEASES, LoadedRelease, load_release
from labs.nbgrader.results import ReleasedLab
from labs.nbgrader.warming import warm_up
from labs.states import GradingOutcome
from tests.labs.nbgrader.damages import DAMAGES
from tests.labs.nbgrader.preparing import NO_BOX, SOURCE, release_without_box, work_on
from tests.labs.nbgrader.writing import edit

MARK = "only_this_learner_4711"


@pytest.fixture(scope="module")
def lab() -> ReleasedLab:
    return release_without_box({"lab.ipynb": SOURCE, "data.csv": b"1"})


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> BoundedCache[LoadedRelease]:
    empty = BoundedCache[LoadedRelease](max_items=MAX_RELEASES, max_weight=MAX_BYTES)
    monkeypatch.setattr(loading, "_loaded", empty)
    return empty


def run_nothing(notebook: NotebookNode, **_box: Any) -> Execution:
    return Execution(notebook, GradingOutcome.SCORED, None, (), 0.0)


def grade(lab: ReleasedLab, submitted: dict[str, bytes]) -> None:
    for way in (autograde, check_work):
        way(lab, submitted, limits=BoxLimits(), environment=NO_BOX, execute_with=run_nothing)


def test_the_same_content_is_loaded_once_whoever_brings_it(lab: ReleasedLab) -> None:
    assert load_release(replace(lab)) is load_release(lab)
    assert load_release(replace(lab, source={**lab.source, "data.csv": b"2"})) is load_release(lab)


@pytest.mark.parametrize("what", ["source", "learner_files", "gradebook"])
def test_another_release_of_the_same_name_is_another(lab: ReleasedLab, what: str) -> None:
    mended = edit(lab.learner_files["lab.ipynb"], {"double": "mended"})
    other: dict[str, Any] = {
        "source": {"lab.ipynb": mended},
        "learner_files": {"lab.ipynb": mended},
        "gradebook": b"mended",
    }
    assert load_release(replace(lab, **{what: other[what]})) is not load_release(lab)


def test_no_more_releases_are_kept_than_the_limit_says(
    lab: ReleasedLab, cache: BoundedCache[LoadedRelease]
) -> None:
    for number in range(MAX_RELEASES + 5):
        load_release(replace(lab, gradebook=b"%d" % number))
    assert len(cache) == MAX_RELEASES
    load_release(replace(lab, gradebook=b" " * MAX_BYTES))
    assert len(cache) == MAX_RELEASES
    load_release(replace(lab, gradebook=b" " * (MAX_BYTES - 200_000)))
    assert cache.weight <= MAX_BYTES
    assert len(cache) < MAX_RELEASES


def write_metadata(value: object) -> bytes:
    cell = {"cell_type": "raw", "metadata": {"own": value}, "source": "text"}
    cells = json.dumps(cell, separators=(",", ":"))
    return f'{{"cells": [{cells}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 4}}'.encode()


@pytest.mark.parametrize(
    "value",
    [
        [{} for _ in range(5000)],
        [[] for _ in range(5000)],
        list(range(1000, 30_000)),
        {f"key{n}": n for n in range(20_000)},
        "text" * 20_000,
    ],
    ids=["objects", "lists", "numbers", "keys", "text"],
)
def test_whatever_an_author_writes_takes_no_more_memory_than_it_weighs(value: object) -> None:
    content = write_metadata(value)
    first, notebook = (
        LoadedRelease(ReleasedLab("lab", {"lab.ipynb": content}, b"", {"lab.ipynb": content}, ())).notebooks[
            "lab"
        ]
        for _ in range(2)
    )
    assert first.released.cells  # what a process loads once, whatever it reads, is no notebook's
    tracemalloc.start()
    try:
        assert notebook.released.cells
        taken, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < notebook.weight


MADE = (
    "LoadedRelease",
    "ReleasedNotebook",
    "find_language",
    "find_messages",
    "has_test",
    "read_gradebook",
    "read_origins",
    "read_source",
)


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what `loading` calls to read a release, as it calls them."""
    called: list[str] = []

    def note(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            called.append(name)
            return real(*given, **named)

        return call

    for name in MADE:
        monkeypatch.setattr(loading, name, note(name, getattr(loading, name)))
    return called


def test_a_second_submission_makes_nothing_that_the_first_one_made(
    lab: ReleasedLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = count_calls(monkeypatch)
    grade(lab, {"lab.ipynb": work_on(lab)})
    assert set(called) == set(MADE)
    called.clear()
    grade(lab, {"renamed.ipynb": edit(lab.learner_files["lab.ipynb"], {"double": "other work"})})
    assert called == []


def list_kept(thing: object, seen: set[int]) -> list[str | bytes]:
    """All texts that hang on an object."""
    if isinstance(thing, str | bytes):
        return [thing]
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    parts: list[object] = []
    if isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = list(thing)
    elif hasattr(thing, "__dict__"):
        parts = list(vars(thing).values())
    return [text for part in parts for text in list_kept(part, seen)]


def test_nothing_of_a_learner_is_kept_and_no_grading_changes_what_is(lab: ReleasedLab) -> None:
    grade(lab, {"lab.ipynb": lab.learner_files["lab.ipynb"]})
    before = list_kept(load_release(lab), set())
    assert any("double" in str(text) for text in before)
    texts = {"double": f"{MARK} = 1", "half": MARK, "explain": MARK, "plan": MARK, "test-double": MARK}
    work = edit(lab.learner_files["lab.ipynb"], texts)
    for way in DAMAGES.values():
        grade(lab, way.damage("lab", work))
    assert list_kept(load_release(lab), set()) == before


def test_a_process_is_warm_without_a_box(cache: BoundedCache[LoadedRelease]) -> None:
    warm_up()
    assert len(cache) == 1
