"""What is said of a draft, and that what is checked is claimed once."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.translation import get_language

from labs.blobs import read_blob, read_files, store_files
from labs.box import BoxLimits
from labs.exceptions import BoxUnavailableError, InvalidNotebookError
from labs.models import GradingRun, LabDraft
from labs.nbgrader import GradeCellSpec, ReleasedLab, SourceProblem
from labs.nbgrader.results import CellKind
from labs.services.drafts import find_comparison
from labs.states import DraftStatus, GradingStatus
from labs.work import checking_drafts
from labs.work.checking_drafts import MAX_MESSAGE, MAX_PROBLEMS, check_draft, longest_seconds
from labs.work.drafting import MAX_TRIES
from tests.factories import labs as make
from tests.labs.nbgrader.writing import graded, solution, write

pytestmark = pytest.mark.django_db

OLD = write(
    solution("mean", "x = 1\n### BEGIN SOLUTION\nx = 2\n### END SOLUTION"), graded("test", "assert x == 2")
)
NEW = write(
    solution("mean", "x = 1\n### BEGIN SOLUTION\nx = 3\n### END SOLUTION"),
    graded("test", "assert x == 3\n### BEGIN HIDDEN TESTS\nassert x > 2\n### END HIDDEN TESTS", points=5),
)
WRONG = NEW.replace(b"x = 3", b"x = 4")


def make_draft(content: bytes = NEW, **fields: Any) -> LabDraft:
    return make.LabDraftFactory.create(
        base__source_files=store_files({"lab.ipynb": OLD}),
        files=store_files({"lab.ipynb": content}),
        status=DraftStatus.CHECKING,
        **{"learner_files": {}, "gradebook": "", **fields},
    )


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> list[SourceProblem]:
    """What the check finds; nothing is run."""
    found: list[SourceProblem] = []

    def rehearse(_release: ReleasedLab, *, limits: BoxLimits, environment: Any) -> list[SourceProblem]:
        assert limits.cell_seconds == 60
        return []

    def release(source: Mapping[str, bytes], *, name: str, environment: Any) -> ReleasedLab:
        spec = GradeCellSpec("lab", "test", CellKind.AUTOGRADED, 5.0, is_manual=False, position=0)
        return ReleasedLab(name, {"lab.ipynb": b"for learners"}, b"sqlite", dict(source), (spec,))

    monkeypatch.setattr(checking_drafts, "find_bubblewrap", lambda: None)
    monkeypatch.setattr(checking_drafts, "check_source", lambda _source, environment: found)
    monkeypatch.setattr(checking_drafts, "make_release", release)
    monkeypatch.setattr(checking_drafts, "rehearse", rehearse)
    return found


@pytest.mark.usefixtures("problems")
def test_a_sound_draft_holds_what_would_be_released() -> None:
    draft = make_draft()
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.problems, draft.claimed_at) == (DraftStatus.CHECKED, [], None)
    assert draft.is_releasable
    assert read_files(draft.learner_files) == {"lab.ipynb": b"for learners"}
    assert read_blob(draft.gradebook) == b"sqlite"
    assert [cell["grade_id"] for cell in draft.grade_cells] == ["test"]
    assert draft.events.get().reason == "draft_sound"
    comparison = find_comparison(draft)
    assert (comparison["points_before"], comparison["points_after"]) == (1, 5)


@pytest.mark.usefixtures("problems")
@pytest.mark.parametrize(
    ("lane", "others", "status"),
    [
        (GradingRun.Lane.LEARNERS, 1, DraftStatus.CHECKING),
        (GradingRun.Lane.LEARNERS, 0, DraftStatus.CHECKED),
        (GradingRun.Lane.REGRADES, 1, DraftStatus.CHECKED),
    ],
)
def test_drafts_do_not_hold_all_workers_while_learners_wait(
    lane: int, others: int, status: DraftStatus
) -> None:
    make.GradingRunFactory.create(status=GradingStatus.QUEUED, lane=lane)
    for _ in range(others):
        make_draft(claimed_at=timezone.now())
    draft = make_draft()
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.claimed_at, draft.tries) == (status, None, int(status == DraftStatus.CHECKED))


@pytest.mark.usefixtures("problems")
def test_a_source_that_only_its_editor_wrote_anew_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking_drafts, "check_source", None)  # nothing is run for it
    draft = make_draft(json.dumps(json.loads(OLD), indent=4).encode())
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_unchanged")


def test_what_is_wrong_is_kept_with_the_name_of_its_cell(problems: list[SourceProblem]) -> None:
    problems += [
        SourceProblem("lab.ipynb", 1, 17, "syntax_error", "This is no Python: " + "x" * 9999),
        SourceProblem("", None, None, "no_notebooks", "There is no notebook."),
    ]
    draft = make_draft()
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert draft.status == DraftStatus.CHECKED
    assert not draft.is_releasable
    assert [(problem["cell_name"], problem["line"]) for problem in draft.problems] == [
        ("test", 17),
        ("", None),
    ]
    assert len(draft.problems[0]["message"]) == MAX_MESSAGE
    assert (draft.learner_files, draft.gradebook, draft.events.get().reason) == ({}, "", "draft_problems")
    assert find_comparison(draft)["points_after"] == 5


def test_a_flood_of_problems_is_cut_and_hints_go_first(problems: list[SourceProblem]) -> None:
    problems += [SourceProblem("lab.ipynb", None, None, "x", "x", is_hint=True)] * MAX_PROBLEMS
    problems += [SourceProblem("lab.ipynb", None, None, "x", "x")] * 2
    draft = make_draft()
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert (len(draft.problems), len(draft.errors)) == (MAX_PROBLEMS, 2)


def test_hints_stand_beside_what_would_be_released(problems: list[SourceProblem]) -> None:
    problems += [SourceProblem("lab.ipynb", 1, 17, "reads_clock", "It reads the clock.", is_hint=True)]
    draft = make_draft()
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert draft.is_releasable
    assert [problem["code"] for problem in draft.problems] == ["reads_clock"]
    assert (draft.gradebook != "", draft.events.get().reason) == (True, "draft_sound")


@pytest.mark.usefixtures("problems")
@pytest.mark.parametrize(
    ("code", "is_hint"), [("cell_fails", False), ("blank_gets_points", True), ("takes_any_answer", True)]
)
def test_a_solution_that_fails_is_not_released_and_a_cell_that_is_too_easy_may_be(
    monkeypatch: pytest.MonkeyPatch, code: str, is_hint: bool
) -> None:
    found = SourceProblem("lab.ipynb", 1, 17, code, "Too easy, or too hard.")
    monkeypatch.setattr(checking_drafts, "rehearse", lambda *_arguments, **_named: [found])
    draft = make_draft()
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert draft.is_releasable == is_hint
    assert (draft.learner_files != {}) == is_hint
    assert draft.problems[0]["is_hint"] == is_hint


@pytest.mark.usefixtures("problems")
def test_a_lab_that_needs_a_gpu_can_be_released_though_its_check_had_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = SourceProblem("lab.ipynb", 1, 17, "cell_fails", "RuntimeError: no GPU")
    monkeypatch.setattr(checking_drafts, "rehearse", lambda *_arguments, **_named: [found])
    draft = make_draft(base__needs={"gpus": 1})
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert draft.is_releasable
    assert [problem["code"] for problem in draft.problems] == ["ran_without_gpu", "cell_fails"]


@pytest.mark.usefixtures("problems")
def test_what_nbgrader_itself_refuses_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: Mapping[str, bytes], *, name: str, environment: Any) -> ReleasedLab:
        raise InvalidNotebookError("lab.ipynb: ValueError: no such kernel", reason="not_releasable")

    monkeypatch.setattr(checking_drafts, "make_release", refuse)
    draft = make_draft()
    check_draft(draft.pk)
    draft.refresh_from_db()
    (problem,) = draft.problems
    assert (problem["notebook"], problem["code"]) == ("lab.ipynb", "not_releasable")
    assert problem["message"] == "ValueError: no such kernel"


@pytest.mark.usefixtures("problems")
def test_it_is_said_in_the_authors_language(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str | None] = []

    def check(*_arguments: object, **_named: object) -> list[SourceProblem]:
        said.append(get_language())
        return []

    monkeypatch.setattr(checking_drafts, "check_source", check)
    check_draft(make_draft(author__language="fi").pk)
    check_draft(make_draft(author=None).pk)
    assert said == ["fi", "en"]


@pytest.mark.usefixtures("problems")
def test_a_draft_is_checked_by_one_worker_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> list[SourceProblem]:
        raise AssertionError("checked twice")

    monkeypatch.setattr(checking_drafts, "check_source", fail)
    draft = make_draft(claimed_at=timezone.now())
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.tries) == (DraftStatus.CHECKING, 0)


@pytest.mark.usefixtures("problems")
def test_a_draft_whose_worker_died_is_checked_by_the_next() -> None:
    draft = make_draft(claimed_at=timezone.now() - timedelta(minutes=1), tries=1)
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.tries) == (DraftStatus.CHECKED, 2)


@pytest.mark.usefixtures("problems")
def test_a_fault_of_ours_is_tried_again_and_then_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_arguments: object, **_named: object) -> list[SourceProblem]:
        raise OSError("no space left")

    monkeypatch.setattr(checking_drafts, "check_source", break_down)
    draft = make_draft()
    for _ in range(MAX_TRIES - 1):
        check_draft(draft.pk)
        draft.refresh_from_db()
        assert (draft.status, draft.claimed_at) == (DraftStatus.CHECKING, None)
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_not_checked")


@pytest.mark.usefixtures("problems")
@pytest.mark.parametrize("where", ["find_bubblewrap", "check_source"])
def test_a_machine_without_a_box_uses_up_no_try(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise BoxUnavailableError("no bubblewrap")

    monkeypatch.setattr(checking_drafts, where, refuse)
    draft = make_draft()
    for _ in range(MAX_TRIES + 1):
        check_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.reason, draft.tries) == (DraftStatus.CHECKING, "box_unavailable", 0)


def test_a_check_may_take_what_its_notebooks_may() -> None:
    files = {"a.ipynb": "0" * 64, "b.ipynb": "0" * 64, "c.csv": "0" * 64}
    draft = make.LabDraftFactory.create(files=files)
    assert longest_seconds(draft.pk) == 2 * 10 * 300 + 300


@pytest.mark.live
@pytest.mark.parametrize(("content", "codes"), [(NEW, []), (WRONG, ["cell_fails"])])
def test_a_draft_is_checked_in_the_box(content: bytes, codes: list[str]) -> None:
    draft = make_draft(content)
    check_draft(draft.pk)
    draft.refresh_from_db()
    assert draft.status == DraftStatus.CHECKED
    assert [problem["code"] for problem in draft.problems] == codes
    if codes:
        (problem,) = draft.problems
        assert (problem["notebook"], problem["cell_name"]) == ("lab.ipynb", "test")
        assert "AssertionError" in problem["message"]
    else:
        released = read_files(draft.learner_files)["lab.ipynb"]
        assert b"x = 3" not in released
        assert b"x > 2" not in released
        assert b"assert x == 3" in released
