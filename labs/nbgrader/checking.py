"""Everything that is wrong with an author's notebooks, before nbgrader or a learner finds out."""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.nbgraderformat import SCHEMA_VERSION, MetadataValidator

from labs.box import BoxEnvironment, BoxLimits, execute_notebook
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.notebooks import MAX_NOTEBOOK_BYTES, read_json, read_source
from labs.nbgrader.places import NotebookPlaces
from labs.nbgrader.release import AUTOTESTS, find_language
from labs.nbgrader.results import SourceProblem, is_notebook_path
from labs.states import GradingOutcome

_GRADE_ID: Final = re.compile(r"[a-zA-Z0-9_\-]+")
_AUTOTEST: Final = "AUTOTEST"


@dataclass(frozen=True)
class _Region:
    """A pair of markers of nbgrader's, and the kind of cell that may hold them."""

    name: str
    fits: Callable[[NotebookNode], bool]

    @property
    def begin(self) -> str:
        return f"BEGIN {self.name}"

    @property
    def end(self) -> str:
        return f"END {self.name}"


_REGIONS: Final = (
    _Region("SOLUTION", utils.is_solution),
    _Region("HIDDEN TESTS", utils.is_grade),
    _Region("MARK SCHEME", utils.is_task),
)


def check_source(
    source: Mapping[str, bytes],
    *,
    environment: BoxEnvironment | None = None,
    limits: BoxLimits | None = None,
) -> list[SourceProblem]:
    """All problems of all notebooks at the top level, sorted by notebook and line.

    With an `environment`, notebooks that are sound otherwise are run in the box too, within `limits`, and a
    graded cell that fails with the author's own solution is a problem.
    """
    paths = sorted(path for path in source if is_notebook_path(path))
    if not paths:
        return [SourceProblem("", None, None, "no_notebooks", _("There is no notebook."))]
    problems: list[SourceProblem] = []
    for path in paths:
        found = list(_Checker(path, source).check())
        if environment is not None and not found:
            found = list(_run(path, source, environment, limits or BoxLimits()))
        problems += sorted(found, key=lambda problem: (problem.line or 0, problem.code))
    return problems


class _Checker:
    """The checks of one notebook that run nothing."""

    def __init__(self, path: str, source: Mapping[str, bytes]) -> None:
        self._path = path
        self._content = source[path]
        self._has_autotests = AUTOTESTS in source
        self._places: NotebookPlaces | None = None

    def check(self) -> Iterator[SourceProblem]:
        try:
            raw = read_json(self._content)
        except InvalidNotebookError as error:
            yield self._unreadable(error)
            return
        self._places = NotebookPlaces(self._content.decode("utf-8-sig"))
        cells = raw.get("cells", [])
        if shapeless := list(self._check_shape(cells)):
            yield from shapeless
            return
        if found := list(self._check_metadata(cells)):
            # Reading on would only say the same again, in nbgrader's words.
            yield from found
            return
        try:
            notebook = read_source(self._content)
        except InvalidNotebookError as error:
            yield self._problem(
                None, "not_a_notebook", _("This is no valid notebook: %(error)s") % {"error": error}
            )
            return
        yield from self._check_notebook(notebook)

    def _problem(self, cell: int | None, code: str, message: str, needle: str = "") -> SourceProblem:
        line = self._places.find_line(cell, needle) if self._places and cell is not None else None
        return SourceProblem(self._path, cell, line, code, message)

    def _unreadable(self, error: InvalidNotebookError) -> SourceProblem:
        line = None
        if isinstance(error.__cause__, json.JSONDecodeError):
            line = error.__cause__.lineno
        messages = {
            "broken_json": _("This is not JSON: %(error)s") % {"error": error},
            "not_a_notebook": _("This is JSON, but not a notebook: %(error)s.") % {"error": error},
            "unknown_format": _("This notebook is of a format that is not known: %(error)s.")
            % {"error": error},
            "notebook_too_large": _("The notebook is larger than %(size)d MB.")
            % {"size": MAX_NOTEBOOK_BYTES // 1024**2},
        }
        return SourceProblem(self._path, None, line, error.reason, messages.get(error.reason, str(error)))

    def _check_shape(self, cells: object) -> Iterator[SourceProblem]:
        if not isinstance(cells, list):
            yield self._problem(None, "not_a_notebook", _("The cells are not a list."))
            return
        for index, cell in enumerate(cells):
            is_cell = isinstance(cell, dict) and cell.get("cell_type") in (
                "code",
                "markdown",
                "raw",
                "heading",
            )
            if not is_cell or not isinstance(cell.get("metadata", {}), dict):
                yield self._problem(index, "not_a_cell", _("This is not a cell of a notebook."))
            elif not isinstance(cell.get("metadata", {}).get("nbgrader", {}), dict):
                yield self._problem(
                    index, "bad_metadata", _("nbgrader's metadata is not an object."), "nbgrader"
                )

    def _check_metadata(self, cells: list[dict[str, Any]]) -> Iterator[SourceProblem]:
        metas = {
            index: cell["metadata"]["nbgrader"] for index, cell in enumerate(cells) if _has_nbgrader(cell)
        }
        counts = Counter(
            meta.get("grade_id") for meta in metas.values() if isinstance(meta.get("grade_id"), str)
        )
        for index, meta in metas.items():
            version = meta.get("schema_version", 0)
            if not isinstance(version, int) or version > SCHEMA_VERSION:
                message = _("nbgrader's metadata is of a newer schema (%(version)s) than is known here.")
                yield self._problem(index, "schema_too_new", message % {"version": version}, "schema_version")
                continue
            yield from self._check_grade_id(index, meta, counts)
            yield from self._check_points(index, meta)

    def _check_grade_id(
        self, index: int, meta: dict[str, Any], counts: Counter[Any]
    ) -> Iterator[SourceProblem]:
        name = meta.get("grade_id")
        if name is None or name == "":
            yield self._problem(index, "missing_grade_id", _("This cell has no grade id."), "nbgrader")
        elif not isinstance(name, str) or not _GRADE_ID.fullmatch(name):
            message = _("The grade id %(name)s may only have letters, digits, hyphens and underscores.")
            yield self._problem(index, "bad_grade_id", message % {"name": name}, "grade_id")
        elif counts[name] > 1:
            message = _("The grade id %(name)s is used by %(count)d cells.")
            said = message % {"name": name, "count": counts[name]}
            yield self._problem(index, "duplicate_grade_id", said, "grade_id")

    def _check_points(self, index: int, meta: dict[str, Any]) -> Iterator[SourceProblem]:
        if not (meta.get("grade") or meta.get("task")):
            return
        points = meta.get("points")
        if points is None or points == "":
            yield self._problem(index, "missing_points", _("This graded cell has no points."), "grade_id")
            return
        try:
            value = float(points)
        except (TypeError, ValueError):
            value = -1.0
        if isinstance(points, bool) or not 0 <= value < float("inf"):
            message = _("%(points)s is no number of points: it has to be 0 or more.")
            yield self._problem(index, "bad_points", message % {"points": points}, "points")

    def _check_notebook(self, notebook: NotebookNode) -> Iterator[SourceProblem]:
        language = find_language(notebook)
        if language != "python":
            message = _("Labs in %(language)s cannot be run here, only those in Python.")
            yield self._problem(None, "unknown_kernel", message % {"language": language})
        for index, cell in enumerate(notebook.cells):
            yield from self._check_schema(index, cell)
            for region in _REGIONS:
                yield from self._check_region(index, cell, region)
            if cell.cell_type == "code":
                yield from self._check_code(index, cell)

    def _check_schema(self, index: int, cell: NotebookNode) -> Iterator[SourceProblem]:
        try:
            MetadataValidator().validate_cell(cell)
        except Exception as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            yield self._problem(
                index, "bad_metadata", _("nbgrader refuses this cell: %(said)s") % {"said": said}, "nbgrader"
            )

    def _check_region(self, index: int, cell: NotebookNode, region: _Region) -> Iterator[SourceProblem]:
        begun_at = ""
        has_region = False
        for line in cell.source.split("\n"):
            if region.begin in line:
                if begun_at:
                    message = _("%(begin)s stands inside another one.") % {"begin": region.begin}
                    yield self._problem(index, "nested_region", message, line)
                begun_at, has_region = line, True
            elif region.end in line:
                begun_at = ""
        if begun_at:
            message = _("%(begin)s has no %(end)s.") % {"begin": region.begin, "end": region.end}
            yield self._problem(index, "open_region", message, begun_at)
        if has_region and not region.fits(cell):
            messages = {
                "SOLUTION": _("A solution stands in a cell that is not a solution cell."),
                "HIDDEN TESTS": _("Hidden tests stand in a cell that is not graded."),
                "MARK SCHEME": _("A mark scheme stands in a cell that is not a task."),
            }
            yield self._problem(index, "misplaced_region", messages[region.name], region.begin)

    def _check_code(self, index: int, cell: NotebookNode) -> Iterator[SourceProblem]:
        if _AUTOTEST in cell.source and not self._has_autotests:
            message = _("There are autotests, but no file %(file)s with their templates.")
            yield self._problem(index, "missing_autotests", message % {"file": AUTOTESTS}, _AUTOTEST)
        if re.search(r"^\s*[%!?]|[?!]\s*$|=\s*[%!]", cell.source, re.MULTILINE):
            return  # IPython's own syntax, which only IPython can judge
        try:
            compile(cell.source, self._path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (
            SyntaxError,
            ValueError,
            RecursionError,
            MemoryError,
        ) as error:  # the last two: nested too deep
            text = (getattr(error, "text", None) or "").strip("\n")
            said = getattr(error, "msg", "") or str(error) or type(error).__name__
            message = _("This code is not valid Python: %(error)s")
            yield self._problem(index, "syntax_error", message % {"error": said}, text)


def _has_nbgrader(cell: Mapping[str, Any]) -> bool:
    """Whether nbgrader has to do with a cell: some editors leave empty metadata behind."""
    meta = cell.get("metadata", {}).get("nbgrader", {})
    return any(meta.get(flag) for flag in ("grade", "solution", "locked", "task"))


def _run(
    path: str, source: Mapping[str, bytes], environment: BoxEnvironment, limits: BoxLimits
) -> Iterator[SourceProblem]:
    notebook = read_source(source[path])
    files = {name: content for name, content in source.items() if not is_notebook_path(name)}
    execution = execute_notebook(notebook, files=files, limits=limits, environment=environment)
    places = NotebookPlaces(source[path].decode("utf-8-sig"))
    for index, cell in enumerate(execution.notebook.cells):
        if cell.cell_type != "code" or not utils.is_grade(cell):
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                message = _("This graded cell fails with the author's own solution: %(error)s")
                error = f"{output.ename}: {output.evalue}".strip(": ")
                line = places.find_line(index)
                yield SourceProblem(path, index, line, "cell_fails", message % {"error": error})
                break
    if execution.outcome is not GradingOutcome.SCORED:
        message = _("The notebook does not run to its end: %(reason)s at the cell %(cell)s.")
        said = {"reason": execution.outcome.label, "cell": execution.faulty_cell or "?"}
        yield SourceProblem(path, None, None, "does_not_run", message % said)
