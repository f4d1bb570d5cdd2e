"""The notebooks of `shared/data`, which nobody of this project wrote, as assignments; the data itself stays there."""

from collections.abc import Callable
from pathlib import Path

from tests.parity.cases import LABS, ROOT, Assignment, Files, Submission, read_files
from tests.parity.variants import release, solve

DATA = ROOT.parent / "shared" / "data"
CASES, PS1 = DATA / "nbgrader-cases", DATA / "nbgrader-ps1"
SHORT_SECONDS = 3

# Assignment → (folder, source, learners' notebooks): nbgrader's own tests grade them so.
_SUBMITTED = {
    "submitted": (
        "apps",
        "submitted-unchanged",
        [
            "changed",
            "cheat-attempt",
            "cheat-attempt-alternative",
            "grade-cell-changed",
            "locked-cell-changed",
        ],
    ),
    "submitted-2": (
        "preprocessors",
        "submitted-unchanged",
        [
            *("changed", "answer-cell-type-changed", "grade-cell-changed", "grade-cell-type-changed"),
            "locked-cell-changed",
        ],
    ),
    "autotest-hashed": ("apps", "autotest-hashed", ["changed", "unchanged"]),
    "autotest-hidden": ("apps", "autotest-hidden", ["changed-right", "changed-wrong", "unchanged"]),
    "autotest-multi": ("apps", "autotest-multi", ["changed", "unchanged"]),
    "autotest-simple": ("apps", "autotest-simple", ["changed", "unchanged"]),
}
# Each the source of an assignment of its own; what cannot be released has nothing to hand in.
_ALONE = {
    "apps": [
        *(
            "infinite-loop",
            "infinite-loop-with-output",
            "open_relative_file",
            "side-effects",
            "timeout",
            "too-new",
        ),
        *("test", "test-hidden-tests", "test-no-metadata", "test-no-metadata-autotest", "test-v0"),
        *("test-v0-invalid", "test-v1", "test-v2", "test-with-output", "validating-environment-variable"),
        "validation-zero-points",
    ],
    "preprocessors": [
        *(
            "bad-markdown-cell-1",
            "bad-markdown-cell-2",
            "blank-grade-id",
            "blank-points",
            "cell-type-changed",
        ),
        *("duplicate-grade-ids", "header", "infinite-recursion", "long-output", "manually-graded-code-cell"),
        *("no-cell-type", "test", "test_taskcell", "warning-pattern"),
    ],
}
_SHORT = ("infinite-loop", "infinite-loop-with-output", "timeout")
_OLD = ("test-v0", "test-v0-invalid", "test-v1", "test-v2")
_WITH_AUTOTESTS = (
    "autotest-hashed",
    "autotest-hidden",
    "autotest-multi",
    "autotest-simple",
    "test-no-metadata-autotest",
)


def is_there() -> bool:
    return CASES.is_dir() and PS1.is_dir()


def list_shared() -> list[str]:
    """The names of the assignments, whether the data is there or not."""
    alone = [_name_alone(folder, name) for folder, names in _ALONE.items() for name in names]
    return ["ps1", *_SUBMITTED, *alone]


def load_shared(name: str) -> Assignment:
    """One of them; `is_there` must say so."""
    if name == "ps1":
        return _load_ps1()
    if name in _SUBMITTED:
        return _load_submitted(name)
    return next(
        _load_alone(folder, notebook)
        for folder, notebooks in _ALONE.items()
        for notebook in notebooks
        if _name_alone(folder, notebook) == name
    )


def list_notebooks() -> set[Path]:
    """Every notebook that some assignment reads."""
    read = {CASES / folder / f"{name}.ipynb" for folder, names in _ALONE.items() for name in names}
    for folder, source, learners in _SUBMITTED.values():
        stem = source.removesuffix("-unchanged")
        read |= {
            CASES / folder / f"{name}.ipynb" for name in (source, *(f"{stem}-{each}" for each in learners))
        }
    return read


def _load_ps1() -> Assignment:
    source = read_files(PS1 / "source" / "ps1")
    handed_in = {name: read_files(PS1 / "submitted" / name / "ps1") for name in ("bitdiddle", "hacker")}
    return _assign("ps1", source, handed_in | {"released": read_files(PS1 / "release" / "ps1")})


def _load_submitted(name: str) -> Assignment:
    folder, source, learners = _SUBMITTED[name]
    stem = source.removesuffix("-unchanged")
    handed_in = {each: {"p1.ipynb": _read(folder, f"{stem}-{each}")} for each in learners}
    return _assign(name, {"p1.ipynb": _read(folder, source)} | _autotests(name), handed_in)


def _load_alone(folder: str, name: str) -> Assignment:
    source = {"p1.ipynb": _read(folder, name)} | _autotests(name)
    handed_in = {}
    if name == "open_relative_file":
        handed_in = {"with-file": {**source, "data.txt": b"\n".join([b"line"] * 10)}}
    return _assign(_name_alone(folder, name), source, handed_in)


def _name_alone(folder: str, notebook: str) -> str:
    """Both folders have a notebook `test`."""
    return f"{notebook}-2" if notebook in _ALONE["apps"] and folder != "apps" else notebook


def _assign(name: str, source: Files, handed_in: dict[str, dict[str, bytes]]) -> Assignment:
    made = {"blank": _try(release, source), "solution": _try(solve, source)}
    submissions = [Submission(learner, files) for learner, files in (made | handed_in).items()]
    return Assignment(
        name=name,
        source=source,
        submissions=tuple(submissions),
        cell_seconds=SHORT_SECONDS if name in _SHORT else 30,
        upgrade=name in _OLD,
        is_ours=False,
        quick=frozenset(submission.learner for submission in submissions),
    )


def _try(make: Callable[[Files], Files], source: Files) -> Files:
    """Of a source that nbgrader refuses there is nothing to make: then it is handed in itself."""
    try:
        return make(source)
    except Exception:
        return source


def _autotests(name: str) -> dict[str, bytes]:
    templates = LABS / "autotests" / "source" / "autotests.yml"
    return {"autotests.yml": templates.read_bytes()} if name in _WITH_AUTOTESTS else {}


def _read(folder: str, name: str) -> bytes:
    return (CASES / folder / f"{name}.ipynb").read_bytes()
