"""The author's own files on the way of a submission: the solution gets every point, an empty answer none."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Final

from django.utils.translation import gettext as _
from nbformat import NotebookNode

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.nbgrader.grading import autograde
from labs.nbgrader.notebooks import read_source
from labs.nbgrader.places import NotebookPlaces
from labs.nbgrader.results import (
    STANDARD_POLICY,
    CellKind,
    CellResult,
    FeedbackDetail,
    GradingPolicy,
    GradingResult,
    NotebookResult,
    ReleasedLab,
    SourceProblem,
    is_notebook_path,
)
from labs.nbgrader.running import VARIABLES
from labs.states import GradingOutcome

_POINTS_ONLY: Final = GradingPolicy(FeedbackDetail.POINTS)
_ROUNDING: Final = 1e-6


def rehearse(
    release: ReleasedLab,
    *,
    limits: BoxLimits,
    environment: BoxEnvironment,
    is_twice: bool = False,
    say: Callable[[str], None] = lambda _step: None,
) -> list[SourceProblem]:
    """Grade the author's solution and the learner's empty version, and name the cells that give points wrongly.

    Cells that a person grades do not count. `is_twice` grades the solution once more and names what came out
    otherwise. `say` is told each step before it begins. Raises BoxUnavailableError.
    """
    if not any(spec.kind == CellKind.AUTOGRADED for spec in release.grade_cells):
        return []
    solution = {path: text for path, text in release.source.items() if is_notebook_path(path)}

    def grade(submitted: Mapping[str, bytes], policy: GradingPolicy) -> GradingResult:
        return autograde(release, submitted, limits=limits, environment=environment, policy=policy)

    say(_("grading the solution"))
    solved = grade(solution, STANDARD_POLICY if is_twice else _POINTS_ONLY).notebooks
    again = solved
    if is_twice:
        say(_("grading the solution once more"))
        again = grade(solution, STANDARD_POLICY).notebooks
    say(_("grading an empty answer"))
    empty = grade(release.learner_files, _POINTS_ONLY).notebooks
    problems: list[SourceProblem] = []
    for first, second, blank in zip(solved, again, empty, strict=True):
        judge = _Judge(release, first.name, limits, environment)
        found = [*judge.judge_solution(first), *judge.find_unstable(first, second), *judge.judge_blank(blank)]
        problems += sorted(found, key=lambda problem: (problem.line or 0, problem.code))
    return problems


def excuse_missing_gpu(problems: Iterable[SourceProblem]) -> list[SourceProblem]:
    """What was found of a lab that needs a GPU, where boxes have none: hints, as that may be all that is wrong."""
    message = _(
        "This lab needs a GPU, and was tried without one: learners' work is graded on a GPU of their factory."
        " What else is said here may come from that alone."
    )
    note = SourceProblem("", None, None, "ran_without_gpu", message, is_hint=True)
    return [note, *(replace(problem, is_hint=True) for problem in problems)]


class _Judge:
    """What the gradings of one notebook say about its cells, and where these stand in the author's file."""

    def __init__(
        self, release: ReleasedLab, name: str, limits: BoxLimits, environment: BoxEnvironment
    ) -> None:
        self._path = f"{name}.ipynb"
        self._files = {path: text for path, text in release.source.items() if not is_notebook_path(path)}
        self._limits = limits
        self._environment = environment
        self._notebook = read_source(release.source[self._path])
        self._places = NotebookPlaces(release.source[self._path].decode("utf-8-sig"))
        self._indexes = {
            cell.metadata.nbgrader.grade_id: index
            for index, cell in enumerate(self._notebook.cells)
            if "nbgrader" in cell.metadata and "grade_id" in cell.metadata.nbgrader
        }

    def judge_solution(self, solved: NotebookResult) -> Iterator[SourceProblem]:
        faulty = None
        if solved.outcome not in (GradingOutcome.SCORED, GradingOutcome.TAMPERED):
            faulty = solved.faulty_cell or "?"
            message = _("The notebook does not run to its end: %(reason)s at the cell %(cell)s.")
            said = {"reason": solved.outcome.label, "cell": faulty}
            where = faulty if faulty in self._indexes else None
            yield self._problem(where, "does_not_run", message % said)
        altered = {found.grade_id: found for found in solved.evidence}
        for cell in self._list_tests(solved):
            if cell.is_tampered:
                message = _(
                    "This test takes more than one answer: with “%(altered)s” in the place of “%(expected)s” the"
                    " author's own solution passes as well, so that honest work would be taken for cheating."
                )
                found = altered.get(cell.grade_id)
                said = {
                    "expected": found.expected if found else "?",
                    "altered": found.altered if found else "?",
                }
                yield self._problem(cell.grade_id, "takes_any_answer", message % said)
            elif (
                cell.was_run
                and cell.grade_id != faulty
                and (cell.auto_score or 0) < cell.max_score - _ROUNDING
            ):
                yield self._problem(cell.grade_id, "cell_fails", self._explain(cell))

    def judge_blank(self, blank: NotebookResult) -> Iterator[SourceProblem]:
        for cell in self._list_tests(blank):
            points = cell.max_score if cell.is_tampered else (cell.auto_score or 0)
            if points > _ROUNDING:
                message = _("This graded cell gives %(points)s of its %(all)s points to an empty answer.")
                said = {"points": f"{points:g}", "all": f"{cell.max_score:g}"}
                yield self._problem(cell.grade_id, "blank_gets_points", message % said)

    def find_unstable(self, first: NotebookResult, second: NotebookResult) -> Iterator[SourceProblem]:
        """Cells whose points or errors were others the second time."""
        shaky = set()
        for one, two in zip(first.cells, second.cells, strict=True):
            if one.auto_score != two.auto_score:
                message = _(
                    "Graded twice, the author's own solution got %(first)s and then %(second)s points here."
                )
                said = {"first": _say_points(one), "second": _say_points(two)}
                shaky.add(self._indexes[one.grade_id])
                yield self._problem(one.grade_id, "unstable", f"{message % said} {_why_unstable()}")
        for index, (before, after) in enumerate(zip(first.feedback, second.feedback, strict=True)):
            errors = _find_error(before.outputs), _find_error(after.outputs)
            if errors[0] != errors[1] and index not in shaky:
                message = _("Run twice, this cell ended with “%(first)s” and then with “%(second)s”.")
                said = {"first": errors[0] or _("no error"), "second": errors[1] or _("no error")}
                yield self._problem(index, "unstable", f"{message % said} {_why_unstable()}")

    def _list_tests(self, result: NotebookResult) -> Iterator[CellResult]:
        """The cells that are graded by running them; nbgrader leaves graded text to a person."""
        for cell in result.cells:
            is_code = self._notebook.cells[self._indexes[cell.grade_id]].cell_type == "code"
            if cell.kind == CellKind.AUTOGRADED and is_code:
                yield cell

    def _problem(self, cell: str | int | None, code: str, message: str) -> SourceProblem:
        index = self._indexes[cell] if isinstance(cell, str) else cell
        line = None if index is None else self._places.find_line(index)
        return SourceProblem(self._path, index, line, code, message)

    def _explain(self, cell: CellResult) -> str:
        outputs = self._solution.cells[self._indexes[cell.grade_id]].outputs
        if error := _find_error(outputs):
            return _("This graded cell fails with the author's own solution: %(error)s") % {"error": error}
        if said := [output.text for output in outputs if output.get("name") == "stderr"]:
            message = _(
                "This graded cell writes to standard error, and then nbgrader gives no points: %(text)s"
            )
            return message % {"text": "".join(said).strip()[:200]}
        message = _("This graded cell gives the author's own solution %(points)s of its %(all)s points.")
        return message % {"points": _say_points(cell), "all": f"{cell.max_score:g}"}

    @cached_property
    def _solution(self) -> NotebookNode:
        """The author's notebook after a run of its own, which says why it got no points."""
        execution = execute_notebook(
            self._notebook,
            files=self._files,
            limits=self._limits,
            environment=self._environment,
            variables=VARIABLES,
        )
        return execution.notebook


def _find_error(outputs: "list[NotebookNode] | tuple[dict[str, object], ...]") -> str:
    for output in outputs:
        if output["output_type"] == "error":
            return f"{output['ename']}: {output['evalue']}".strip(": ")
    return ""


def _say_points(cell: CellResult) -> str:
    return _("no") if cell.auto_score is None else f"{cell.auto_score:g}"


def _why_unstable() -> str:
    return _(
        "Random seeds, the hash seed, time zone and locale are the same in every grading. The clock cannot be: a test"
        " may depend neither on it nor on what the machine draws by itself."
    )
