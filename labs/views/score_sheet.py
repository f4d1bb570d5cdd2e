"""The fields in which an instructor gives the cells of a submission their points."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from labs.models import CellGrade, GradingRun, ScoreChange
from labs.nbgrader import CellKind
from labs.services.hand_grading import (
    MAX_COMMENT,
    MAX_EXTRA_CREDIT,
    CellKey,
    Evidence,
    ManualScore,
    find_changes,
    find_evidence,
    given_score,
    key_of,
)
from labs.services.marks import waits_for_person


class CellScoreForm(forms.Form):
    """Points and a comment, and extra credit where a person gives the points anyway.

    What a person did not touch is nobody's decision, so each field carries what it held when the page was made.
    """

    comment = forms.CharField(
        label=_("Comment for the learner"),
        max_length=MAX_COMMENT,
        required=False,
        show_hidden_initial=True,
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(self, grade: CellGrade, data: Mapping[str, Any] | None = None) -> None:
        self.grade = grade
        has = given_score(grade)
        initial = {
            "points": _plain(has.points),
            "extra_credit": _plain(has.extra_credit or None),
            "comment": has.comment,
        }
        super().__init__(data, prefix=f"cell-{grade.position}", initial=initial)
        self.fields["points"] = _number_field(gettext("Points"), grade.max_score)
        if grade.kind != CellKind.AUTOGRADED:
            self.fields["extra_credit"] = _number_field(gettext("Extra credit"), MAX_EXTRA_CREDIT)
        self.order_fields(["points", "extra_credit", "comment"])

    def given(self) -> ManualScore:
        """What was entered; an extra credit that has no field stays as it is."""
        points = self.cleaned_data["points"]
        extra = self.cleaned_data.get("extra_credit") or 0.0
        return ManualScore(
            points=None if points is None else min(round(points, 2), self.grade.max_score),
            extra_credit=round(extra, 2)
            if "extra_credit" in self.fields
            else given_score(self.grade).extra_credit,
            comment=self.cleaned_data["comment"].replace("\r\n", "\n"),
        )


@dataclass(frozen=True)
class CellSheet:
    """A cell's fields; `evidence` against its automatic points; `overtaken_by` what somebody else saved meanwhile."""

    form: CellScoreForm
    evidence: tuple[Evidence, ...] = ()
    overtaken_by: ScoreChange | None = None

    @property
    def is_open(self) -> bool:
        """Whether the fields are seen at once."""
        return self.form.is_bound or waits_for_person(self.form.grade)


@dataclass(frozen=True)
class ScoreSheet:
    """All that a person can decide about a run; `seen` is the newest change that the page knows of."""

    run: GradingRun
    seen: int
    cells: Mapping[CellKey, CellSheet] = field(default_factory=dict)
    changes: tuple[ScoreChange, ...] = ()

    @property
    def is_valid(self) -> bool:
        return all(cell.form.is_valid() for cell in self.cells.values() if cell.form.is_bound)

    def given(self) -> dict[CellKey, ManualScore]:
        """What the person changed."""
        return {key: cell.form.given() for key, cell in self.cells.items() if cell.form.is_bound}


def make_sheet(
    run: GradingRun, data: Mapping[str, Any] | None = None, *, seen: int | None = None
) -> ScoreSheet:
    """The fields with what the cells have; those that the person touched in `data` keep what was entered there.

    `seen` is what the page knew that was sent.
    """
    changes = find_changes(run)
    newest = changes[0].pk if changes else 0
    evidence = find_evidence(run)
    later = {change.cell_id: change for change in reversed(changes) if seen is not None and change.pk > seen}
    cells = {}
    for grade in run.cells.all():
        touched = CellScoreForm(grade, data)
        is_touched = data is not None and touched.has_changed()
        cells[key_of(grade)] = CellSheet(
            form=touched if is_touched else CellScoreForm(grade),
            evidence=evidence.get(key_of(grade), ()),
            overtaken_by=later.get(grade.pk) if is_touched else None,
        )
    return ScoreSheet(run, newest, cells, tuple(changes))


def _number_field(label: str, most: float) -> forms.FloatField:
    widget = forms.NumberInput({"step": "0.01", "inputmode": "decimal"})
    highest = math.ceil(round(most * 100, 6)) / 100  # all of two thirds of a point are shown as 0.67
    return forms.FloatField(
        label=label, min_value=0, max_value=highest, required=False, show_hidden_initial=True, widget=widget
    )


def _plain(points: float | None) -> str:
    """As a number's field has it in every language."""
    return "" if points is None else f"{points:.2f}".rstrip("0").rstrip(".")
