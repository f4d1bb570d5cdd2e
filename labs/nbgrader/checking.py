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

from labs.box import BoxEnvironment
from labs.box.kernelspecs import choose_kernel, list_kernels
from labs.exceptions import InvalidNotebookError
from labs.nbgrader.advising import find_hints
from labs.nbgrader.autotests import AUTOTEST, KERNELS
from labs.nbgrader.languages import IPYTHON_SYNTAX, PYTHON, find_kernel_name, find_language, note_language
from labs.nbgrader.notebooks import read_json, read_source
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.nbgrader.places import NotebookPlaces
from labs.nbgrader.release import AUTOTESTS, find_kind
from labs.nbgrader.results import SourceProblem, is_notebook_path

_GRADE_ID: Final = re.compile(r"[a-zA-Z0-9_\-]+")


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
    source: Mapping[str, bytes], *, environment: BoxEnvironment | None = None
) -> list[SourceProblem]:
    """All problems of all notebooks at the top level, and hints, sorted by notebook and line; nothing is run.

    `environment` is the one that labs run in, where this machine has it: it has the kernels that there are.
    """
    paths = sorted(path for path in source if is_notebook_path(path))
    if not paths:
        return [SourceProblem("", None, None, "no_notebooks", _("There is no notebook."))]
    checkers = [_Checker(path, source, environment) for path in paths]
    problems = [
        problem
        for checker in checkers
        for problem in sorted(checker.check(), key=lambda problem: (problem.line or 0, problem.code))
    ]
    problems += _find_unreleased(source)
    if all(problem.is_hint for problem in problems) and not any(checker.has_points for checker in checkers):
        message = _("This lab has no graded cells: it is a practice lab, completed by being submitted.")
        problems.append(SourceProblem("", None, None, "no_graded_cells", message, is_hint=True))
    return problems


def _find_unreleased(source: Mapping[str, bytes]) -> Iterator[SourceProblem]:
    """The notebooks that no release clears of what is the author's: those that nbgrader does not look at."""
    words = [region.begin.encode() for region in _REGIONS] + [b'"nbgrader"']
    for path, content in sorted(source.items()):
        is_other = path.endswith(".ipynb") and not is_notebook_path(path)
        if is_other and any(word in content for word in words):
            message = _(
                "This notebook is not at the top level, so learners get it as it is, with its solutions and hidden"
                " tests. Move it there, or take it out."
            )
            yield SourceProblem(path, None, None, "nested_notebook", message)


class _Checker:
    """The checks of one notebook. `has_points` says, once it was checked, whether any cell of it has points."""

    def __init__(self, path: str, source: Mapping[str, bytes], environment: BoxEnvironment | None) -> None:
        self.has_points = False
        self._environment = environment
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
        self.has_points = any(find_kind(cell) for cell in notebook.cells)
        if found := list(self._check_notebook(notebook)):
            yield from found
        elif find_language(notebook) == PYTHON:
            for hint in find_hints(notebook):
                yield self._problem(hint.cell, hint.code, hint.message, hint.text, is_hint=True)

    def _problem(
        self, cell: int | None, code: str, message: str, needle: str = "", *, is_hint: bool = False
    ) -> SourceProblem:
        line = self._places.find_line(cell, needle) if self._places and cell is not None else None
        return SourceProblem(self._path, cell, line, code, message, is_hint)

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
        yield from self._check_kernel(notebook)
        for index, cell in enumerate(notebook.cells):
            yield from self._check_schema(index, cell)
            for region in _REGIONS:
                yield from self._check_region(index, cell, region)
            if cell.cell_type == "code":
                yield from self._check_autotests(index, cell, find_kernel_name(notebook))
                if find_language(notebook) == PYTHON:
                    yield from self._check_code(index, cell)

    def _check_kernel(self, notebook: NotebookNode) -> Iterator[SourceProblem]:
        words = {"language": find_language(notebook), "name": find_kernel_name(notebook)}
        if self._environment is not None:
            kernel = choose_kernel(self._environment, notebook.metadata)
            if kernel is not None:
                note_language(notebook, kernel)
            else:
                words["known"] = ", ".join(list_kernels(self._environment))
                message = _("Labs have no kernel “%(name)s” for %(language)s here; there are %(known)s.")
                yield self._problem(None, "unknown_kernel", message % words)
        elif words["language"] != PYTHON:
            message = _(
                "Whether labs have the kernel “%(name)s” for %(language)s cannot be seen on this machine."
            )
            yield self._problem(None, "kernel_not_seen", message % words, is_hint=True)

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

    def _check_autotests(self, index: int, cell: NotebookNode, kernel: str) -> Iterator[SourceProblem]:
        if AUTOTEST not in cell.source:
            return
        if not self._has_autotests:
            message = _("There are autotests, but no file %(file)s with their templates.")
            yield self._problem(index, "missing_autotests", message % {"file": AUTOTESTS}, AUTOTEST)
        if kernel not in KERNELS:
            message = _("nbgrader knows no autotests for the kernel “%(name)s”, only for %(known)s.")
            words = {"name": kernel, "known": ", ".join(sorted(KERNELS))}
            yield self._problem(index, "no_autotests", message % words, AUTOTEST)

    def _check_code(self, index: int, cell: NotebookNode) -> Iterator[SourceProblem]:
        if IPYTHON_SYNTAX.search(cell.source):
            return
        try:
            compile(cell.source, self._path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            # The last two: nested too deep.
            text = (getattr(error, "text", None) or "").strip("\n")
            said = getattr(error, "msg", "") or str(error) or type(error).__name__
            message = _("This code is not valid Python: %(error)s")
            yield self._problem(index, "syntax_error", message % {"error": said}, text)


def _has_nbgrader(cell: Mapping[str, Any]) -> bool:
    """Whether nbgrader has to do with a cell: some editors leave empty metadata behind."""
    meta = cell.get("metadata", {}).get("nbgrader", {})
    return any(meta.get(flag) for flag in ("grade", "solution", "locked", "task"))
