"""Drafts in words: where one is on its way, what was found wrong and what to do, what it changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from labs.models import LabDraft
from labs.services.marks import count_points
from labs.states import DraftStatus

# What an author does about a problem, by its code (`checking`, `advising` and `rehearsing` of `labs/nbgrader`).
ADVICE: Final[Mapping[str, str | Promise]] = {
    "no_notebooks": gettext_lazy(
        "Put at least one notebook into the lab’s folder itself, not into a folder in it."
    ),
    "nested_notebook": gettext_lazy("Move the notebook into the lab’s folder itself, or delete it."),
    "broken_json": gettext_lazy(
        "The file is damaged. Open an earlier copy of it, or begin with a new notebook and copy the cells into it."
    ),
    "not_a_notebook": gettext_lazy(
        "The file is damaged. Open an earlier copy of it, or begin with a new notebook and copy the cells into it."
    ),
    "unknown_format": gettext_lazy("Open the notebook in JupyterLab and save it: that writes today’s format."),
    "notebook_too_large": gettext_lazy(
        "Choose “Clear Outputs of All Cells” in the Edit menu, and save it. Put large data into files of their own."
    ),
    "not_a_cell": gettext_lazy("Delete this cell, and write it anew where it is needed."),
    "bad_metadata": gettext_lazy(
        "Set the type of this cell anew in Create Assignment: choose “-” first, then the type that you want."
    ),
    "schema_too_new": gettext_lazy(
        "The notebook was made with a newer nbgrader. Set the type of this cell anew in Create Assignment."
    ),
    "missing_grade_id": gettext_lazy(
        "Open Create Assignment, choose the cell, and type a name into its field ID."
    ),
    "bad_grade_id": gettext_lazy(
        "Open Create Assignment, choose the cell, and change its ID: letters, digits, “-” and “_” only."
    ),
    "duplicate_grade_id": gettext_lazy(
        "A copied cell keeps its ID. Open Create Assignment, choose one of the cells, and give it an ID of its own."
    ),
    "missing_points": gettext_lazy("Open Create Assignment, choose the cell, and type how many points it gives."),
    "bad_points": gettext_lazy("Open Create Assignment, choose the cell, and type 0 or more points."),
    "unknown_kernel": gettext_lazy("Choose one of these kernels in JupyterLab, and save the notebook."),
    "kernel_not_seen": gettext_lazy("Try the lab in a session before learners do."),
    "nested_region": gettext_lazy("End the first region before the second one begins."),
    "open_region": gettext_lazy("Write the line that ends the region."),
    "misplaced_region": gettext_lazy(
        "Take the markers out of this cell, or give the cell the type that they belong to in Create Assignment."
    ),
    "missing_autotests": gettext_lazy("Put the file autotests.yml beside the notebook, or write the tests yourself."),
    "no_autotests": gettext_lazy("Write the tests of this cell yourself."),
    "syntax_error": gettext_lazy("Run the cell in JupyterLab and mend it: Python cannot read it as it is."),
    "cell_fails": gettext_lazy(
        "With the solution that stands in the notebook every test has to pass. Choose “Restart Kernel and Run"
        " All Cells” in JupyterLab, and mend the solution or the test."
    ),
    "does_not_run": gettext_lazy(
        "Choose “Restart Kernel and Run All Cells” in JupyterLab and see where it stops. A cell that needs too"
        " long has to do less."
    ),
    "blank_gets_points": gettext_lazy(
        "Let the cell call what learners write, and compare what comes out with a constant: assert f(2) == 4. Leave it"
        " as it is if everybody is to have these points."
    ),
    "takes_any_answer": gettext_lazy(
        "Compare with the one right answer: assert f(2) == 4. As it is, a person will have to grade everybody’s cell."
    ),
    "ran_without_gpu": gettext_lazy(
        "Run the notebook with its solution in a session of the lab, and hand it in as a learner would."
    ),
    "unstable": gettext_lazy(
        "Give every random generator a seed, and compare with constants instead of with the time."
    ),
    "tests_nothing": gettext_lazy("Call what the cell defines, in the cell itself: test_mean()."),
    "expects_nothing": gettext_lazy(
        "Add a line that compares what learners’ code gives with the one right answer."
    ),
    "reads_clock": gettext_lazy("Write down the time that the test needs: datetime(2026, 1, 31, 12, 0)."),
    "draws_from_chance": gettext_lazy("Take a generator that has a seed: numpy.random.default_rng(7)."),
    "no_graded_cells": gettext_lazy(
        "Nothing is to be done if that is what you mean. For points, choose “Autograded tests” in Create Assignment."
    ),
}  # fmt: skip
ANY_ADVICE: Final = gettext_lazy(
    "Mend the notebook in your session: “Restart Kernel and Run All Cells” shows where it stops."
)

# As nbgrader's Create Assignment calls them.
KINDS: Final[Mapping[str, str | Promise]] = {
    "": gettext_lazy("Ordinary cell"),
    "locked": gettext_lazy("Read-only"),
    "solution": gettext_lazy("Autograded answer"),
    "tests": gettext_lazy("Autograded tests"),
    "manual": gettext_lazy("Manually graded answer"),
    "task": gettext_lazy("Manually graded task"),
}
CHANGES: Final[Mapping[str, str | Promise]] = {
    "added": pgettext_lazy("part of a lab", "Added"),
    "removed": pgettext_lazy("part of a lab", "Removed"),
    "changed": pgettext_lazy("part of a lab", "Changed"),
    "moved": pgettext_lazy("part of a lab", "Moved"),
    "unreadable": gettext_lazy("Cannot be compared"),
}
SIGNS: Final = {"+": "added", "-": "removed", " ": "same"}


@dataclass(frozen=True)
class Finding:
    """A problem with the place that an author looks for, and what to do about it."""

    place: str
    cell_name: str
    message: str
    advice: str


@dataclass(frozen=True)
class Line:
    """A line of a cell: `added`, `removed`, `same`, or `gap` where lines are left out."""

    kind: str
    text: str


@dataclass(frozen=True)
class CellChange:
    """What became of one cell: `facts` are its kind, points and place where those changed; text is prose."""

    name: str
    change: str
    words: str
    facts: list[str]
    lines: list[Line]
    is_prose: bool
    is_cut: bool


@dataclass(frozen=True)
class NotebookChange:
    path: str
    change: str
    words: str
    points: str
    kernel: str
    cells: list[CellChange]
    same_count: int
    is_cut: bool


@dataclass(frozen=True)
class FileChange:
    path: str
    change: str
    words: str
    bytes_before: int | None
    bytes_after: int | None


@dataclass(frozen=True)
class Changes:
    """Everything that differs from the release that the cohort has."""

    points: str
    notebooks: list[NotebookChange]
    files: list[FileChange]


def list_steps(draft: LabDraft) -> list[tuple[str, str]]:
    """The way of a draft that is on its way: name and state (`done`, `now`, `todo`) of each step."""
    if draft.status == DraftStatus.RELEASING:
        names = [_("Checked"), _("Making the release and giving it to the cohort"), _("Released")]
        at = 1
    else:
        names = [
            _("Fetching the files from your session"),
            _("Checking and running the notebooks"),
            _("Result"),
        ]
        at = 0 if draft.status == DraftStatus.COLLECTING else 1
    return [
        (name, "done" if number < at else "now" if number == at else "todo")
        for number, name in enumerate(names)
    ]


def say_step(steps: list[tuple[str, str]]) -> str:
    """Such as "Step 2 of 3"; empty where there are none."""
    states = [state for _name, state in steps]
    if not states:
        return ""
    return _("Step %(number)s of %(all)s") % {"number": states.index("now") + 1, "all": len(states)}


def list_findings(draft: LabDraft) -> list[Finding]:
    """What keeps it from being released."""
    return _describe_problems(draft.errors)


def list_hints(draft: LabDraft) -> list[Finding]:
    """What its author may leave as it is."""
    return _describe_problems(draft.hints)


def _describe_problems(problems: Iterable[Mapping[str, Any]]) -> list[Finding]:
    return [
        Finding(
            place=_name_place(problem),
            cell_name=problem["cell_name"],
            message=problem["message"],
            advice=str(ADVICE.get(problem["code"], ANY_ADVICE)),
        )
        for problem in problems
    ]


def describe_changes(comparison: Mapping[str, Any]) -> Changes | None:
    """A comparison (`labs.nbgrader.comparing`) in words; None where there is none."""
    if not comparison:
        return None
    return Changes(
        points=_say_points(comparison["points_before"], comparison["points_after"]),
        notebooks=[_describe_notebook(notebook) for notebook in comparison["notebooks"]],
        files=[FileChange(**file, words=str(CHANGES[file["change"]])) for file in comparison["files"]],
    )


def _name_place(problem: Mapping[str, Any]) -> str:
    """Notebook, number of the cell, and line in the file, as far as they are known."""
    parts = [problem["notebook"]] if problem["notebook"] else []
    if problem["cell"] is not None:
        parts.append(_("cell %(number)s") % {"number": problem["cell"] + 1})
    if problem["line"] is not None:
        parts.append(_("line %(number)s of the file") % {"number": problem["line"]})
    return ", ".join(parts)


def _describe_notebook(notebook: Mapping[str, Any]) -> NotebookChange:
    return NotebookChange(
        path=notebook["path"],
        change=notebook["change"],
        words=str(CHANGES.get(notebook["change"], _("No cell changed"))),
        points=_say_points(notebook["points_before"], notebook["points_after"]),
        kernel=notebook["kernel_after"] if notebook["kernel_after"] != notebook["kernel_before"] else "",
        cells=[_describe_cell(cell) for cell in notebook["cells"]],
        same_count=notebook["same_count"],
        is_cut=notebook["is_cut"],
    )


def _describe_cell(cell: Mapping[str, Any]) -> CellChange:
    facts = []
    kinds = [str(KINDS[cell[key]]) for key in ("kind_before", "kind_after")]
    if cell["change"] in {"added", "removed"}:
        facts.append(kinds[cell["change"] == "added"])
    elif kinds[0] != kinds[1]:
        facts.append(_("%(before)s, now %(after)s") % {"before": kinds[0], "after": kinds[1]})
    if cell["points_before"] is not None or cell["points_after"] is not None:
        facts.append(_say_points(cell["points_before"], cell["points_after"]))
    if cell["name_before"] not in {"", cell["name"]}:
        facts.append(_("ID was %(name)s") % {"name": cell["name_before"]})
    if cell["tags_before"] != cell["tags_after"]:
        facts.append(_("tags: %(tags)s") % {"tags": ", ".join(cell["tags_after"]) or "–"})
    if cell["is_moved"]:
        places = {"before": cell["number_before"], "after": cell["number_after"]}
        facts.append(_("from place %(before)s to %(after)s") % places)
    return CellChange(
        name=cell["name"] or _("Cell %(number)s") % {"number": cell["number_after"] or cell["number_before"]},
        change=cell["change"],
        words=str(CHANGES[cell["change"]]),
        facts=facts,
        lines=[Line(SIGNS.get(sign, "gap"), text) for sign, text in cell["lines"]],
        is_prose=cell["cell_type"] == "markdown",
        is_cut=cell["is_cut"],
    )


def _say_points(before: float | None, after: float | None) -> str:
    """Points after, and before where they were others; empty where neither is known."""
    if after is None or before is None:
        known = before if after is None else after
        return "" if known is None else count_points(known)
    if before == after:
        return count_points(after)
    return _("%(before)s, now %(after)s") % {"before": count_points(before), "after": count_points(after)}
