"""What a grading run says to the learner: the cells of their notebooks, with outputs, points and messages."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from labs.blobs import read_blob
from labs.models import CellGrade, Feedback, GradingRun
from labs.nbgrader import CellKind, FeedbackDetail
from labs.services.checks import passes
from labs.services.fault_words import damage_sentence, sentence_of
from labs.services.marks import CellMark, check_cell, mark_cell, points_of, waits_for_person
from labs.services.outputs import Allowance, ShownOutput, ShownSource, as_text, show_outputs, show_source
from labs.states import GradingOutcome

MAX_CELLS: Final = 500
MAX_BLOB: Final = 32 * 1024 * 1024


@dataclass(frozen=True)
class FeedbackCell:
    """One cell as the page shows it; `mark` is None where the cell gives no points.

    `is_aside`: nothing happened here, so that the page can fold it away.
    """

    anchor: str
    cell_type: str
    source: ShownSource
    outputs: tuple[ShownOutput, ...]
    mark: CellMark | None
    is_faulty: bool
    is_aside: bool = False


@dataclass(frozen=True)
class GradedPlace:
    """A grade cell and where on the page it stands."""

    mark: CellMark
    anchor: str


@dataclass(frozen=True)
class CellLink:
    """The name of a cell, and where on the page it stands; no `anchor` where it does not."""

    name: str
    anchor: str


@dataclass(frozen=True)
class DamageNote:
    """One kind of damage: what it was and what is to do, and the cells where it was found."""

    sentence: str
    cells: tuple[CellLink, ...]


@dataclass(frozen=True)
class FeedbackNotebook:
    """One notebook; `graded` are its grade cells in the lab's order, `lost` those that were not submitted any more."""

    name: str
    points: str
    sentence: str
    faulty_cell: str
    faulty_anchor: str
    cells: tuple[FeedbackCell, ...]
    lost: tuple[GradedPlace, ...]
    graded: tuple[GradedPlace, ...]
    damage: tuple[DamageNote, ...]

    @property
    def aside_count(self) -> int:
        return sum(cell.is_aside for cell in self.cells)


def find_feedback(run: GradingRun, *, is_check: bool = False) -> list[FeedbackNotebook]:
    """The notebooks of a run in the lab's order. A missing or damaged blob costs the cells' text, not their points.

    Of a check, cells say whether they pass and give no points.
    """
    grades: dict[str, dict[str, CellGrade]] = {}
    for grade in run.cells.all():
        grades.setdefault(grade.notebook, {})[grade.grade_id] = grade
    results = {
        result["name"]: result for result in _dicts(run.notebooks) if isinstance(result.get("name"), str)
    }
    contents = _read_contents(run)
    allowance = Allowance()
    return [
        _join_notebook(
            f"cell-{number}",
            contents.get(name, []),
            results.get(name, {"name": name}),
            grades.get(name, {}),
            allowance,
            is_check=is_check,
        )
        for number, name in enumerate(dict.fromkeys([*results, *grades]), start=1)
    ]


def _read_contents(run: GradingRun) -> dict[str, list[dict[str, Any]]]:
    """The cells of each notebook, from the blob."""
    feedback = Feedback.objects.filter(run=run).first()
    try:
        blob = read_blob(feedback.content) if feedback else b""
        content = json.loads(blob) if 0 < len(blob) <= MAX_BLOB else {}
    except (OSError, ValueError, RecursionError):
        return {}
    notebooks = content.get("notebooks") if isinstance(content, dict) else None
    return {as_text(notebook.get("name")): _dicts(notebook.get("cells")) for notebook in _dicts(notebooks)}


def _join_notebook(
    prefix: str,
    contents: list[dict[str, Any]],
    result: Mapping[str, Any],
    grades: Mapping[str, CellGrade],
    allowance: Allowance,
    *,
    is_check: bool,
) -> FeedbackNotebook:
    left = dict(grades)
    faulty = as_text(result.get("faulty_cell"))
    anchors: dict[str, str] = {}
    cells, graded = [], []
    for position, content in enumerate(contents[:MAX_CELLS], start=1):
        grade_id = as_text(content.get("grade_id"))
        anchor = f"{prefix}-{position}"
        grade = left.pop(grade_id, None)  # a copied grade id does not show its points twice
        mark = _mark(grade, is_check=is_check) if grade else None
        if mark and not is_check and _fails_unseen(mark.grade, content):
            mark = replace(mark, fails_unseen=True)
        if mark:
            graded.append(GradedPlace(mark, anchor))
        if grade_id:
            anchors.setdefault(grade_id, anchor)
        cells.append(
            _show_cell(content, anchor, mark, allowance, is_faulty=bool(faulty) and faulty == grade_id)
        )
    lost = tuple(
        GradedPlace(_mark(grade, is_check=is_check), f"{prefix}-lost-{number}")
        for number, grade in enumerate(left.values(), start=1)
    )
    anchors |= {place.mark.grade.grade_id: place.anchor for place in lost}
    return FeedbackNotebook(
        name=result["name"],
        points="" if is_check else _sum_points(grades.values()),
        sentence=_describe_outcome(result, grades.values()),
        faulty_cell=faulty,
        faulty_anchor=anchors.get(faulty, ""),
        cells=tuple(cells),
        lost=lost,
        graded=tuple(sorted([*graded, *lost], key=lambda place: place.mark.grade.position)),
        damage=_describe_damage(_dicts(result.get("damage")), anchors),
    )


def _mark(grade: CellGrade, *, is_check: bool) -> CellMark:
    return check_cell(grade, is_passed=passes(grade)) if is_check else mark_cell(grade)


def _fails_unseen(grade: CellGrade, content: Mapping[str, Any]) -> bool:
    """Whether a test without points showed nothing where the learner's own run shows all that it has to say."""
    is_lost = grade.auto_score == 0 and grade.max_score > 0 and grade.manual_score is None
    is_silent = not grade.message and not content.get("outputs") and content.get("cell_type") == "code"
    detail = grade.run.release.grading.get("feedback", FeedbackDetail.FULL)
    is_test = grade.kind == CellKind.AUTOGRADED and grade.was_run and not grade.is_unanswered
    return is_test and is_lost and is_silent and detail == FeedbackDetail.FULL


def _show_cell(
    content: Mapping[str, Any], anchor: str, mark: CellMark | None, allowance: Allowance, *, is_faulty: bool
) -> FeedbackCell:
    cell_type = as_text(content.get("cell_type"))
    outputs = show_outputs(content.get("outputs"), allowance, id_prefix=f"{anchor}-output-")
    is_plain = mark is None and not is_faulty and not outputs
    return FeedbackCell(
        anchor=anchor,
        cell_type=cell_type,
        source=show_source(content.get("source"), cell_type, allowance, id_prefix=f"{anchor}-"),
        outputs=outputs,
        mark=mark,
        is_faulty=is_faulty,
        is_aside=is_plain and not as_text(content.get("grade_id")),
    )


def _describe_outcome(result: Mapping[str, Any], grades: Iterable[CellGrade]) -> str:
    """What became of a notebook; of one that was tampered with nothing more once a person has decided."""
    outcome = as_text(result.get("outcome"))
    if outcome == GradingOutcome.TAMPERED and not any(
        grade.is_tampered and waits_for_person(grade) for grade in grades
    ):
        return ""
    return sentence_of(outcome, as_text(result.get("reason")))


def _describe_damage(found: list[dict[str, Any]], anchors: Mapping[str, str]) -> tuple[DamageNote, ...]:
    """Kinds in the order in which they were found, each with its cells; of a kind we do not know, a general word."""
    cells: dict[str, dict[str, CellLink]] = {}
    for damage in found:
        name = as_text(damage.get("grade_id"))
        links = cells.setdefault(damage_sentence(as_text(damage.get("kind"))), {})
        if name:
            links[name] = CellLink(name, anchors.get(name, ""))
    return tuple(DamageNote(sentence, tuple(links.values())) for sentence, links in cells.items())


def _sum_points(grades: Iterable[CellGrade]) -> str:
    """The points of a notebook in words; empty where it has no grade cells."""
    found = list(grades)
    if not found:
        return ""
    return points_of(sum(grade.score or 0 for grade in found), sum(grade.max_score for grade in found))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
