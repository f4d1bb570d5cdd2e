"""A cohort's learners by units: what the cohort's page and its CSV show, in a constant number of queries."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from django.db.models import QuerySet

from courses.models import Cohort, Enrolment, UnitProgress
from courses.outline import Outline, UnitEntry


@dataclass(frozen=True)
class LearnerRow:
    """One learner: a cell for each unit of the outline, in its order; None where nothing was opened."""

    enrolment: Enrolment
    cells: tuple[UnitProgress | None, ...]
    done_count: int
    score: float
    max_score: float


def enrolments_of(cohort: Cohort) -> QuerySet[Enrolment]:
    """Everybody who ever enrolled, by name."""
    return cohort.enrolments.select_related("learner").order_by("learner__full_name", "learner__email")


def make_rows(enrolments: Sequence[Enrolment], outline: Outline) -> list[LearnerRow]:
    """The rows of these learners, in one query."""
    progress: dict[int, dict[str, UnitProgress]] = defaultdict(dict)
    for row in UnitProgress.objects.filter(enrolment__in=enrolments):
        progress[row.enrolment_id][row.unit_slug] = row
    return [_make_row(enrolment, outline.units, progress[enrolment.pk]) for enrolment in enrolments]


def _make_row(
    enrolment: Enrolment, units: Sequence[UnitEntry], progress: dict[str, UnitProgress]
) -> LearnerRow:
    cells = tuple(progress.get(entry.unit.slug) for entry in units)
    scored = [cell for cell in cells if cell is not None and cell.score is not None]
    return LearnerRow(
        enrolment=enrolment,
        cells=cells,
        done_count=sum(
            cell is not None and cell.completed_at is not None
            for entry, cell in zip(units, cells, strict=True)
            if not entry.unit.is_optional
        ),
        score=sum(cell.score or 0 for cell in scored),
        max_score=sum(cell.max_score or 0 for cell in scored),
    )


BYTE_ORDER_MARK: Final = "\ufeff"


def write_csv(rows: Sequence[LearnerRow], outline: Outline) -> Iterator[str]:
    """Lines of CSV: a head, then one line for each learner; three columns for each unit.

    The mark of UTF-8 in front is what spreadsheet programs need to read names in Greek.
    """
    head = ["name", "email", "status", "enrolled_at", "units_done", "units", "score", "max_score"]
    for entry in outline.units:
        slug = entry.unit.slug
        head += [f"{slug}:completed_at", f"{slug}:score", f"{slug}:max_score"]
    yield BYTE_ORDER_MARK + _line(head)
    for row in rows:
        learner = row.enrolment.learner
        line: list[object] = [
            learner.full_name,
            learner.email,
            row.enrolment.status,
            row.enrolment.created_at.isoformat(timespec="seconds"),
            row.done_count,
            len(outline.required),
            round(row.score, 2),
            row.max_score,
        ]
        for cell in row.cells:
            if cell is None:
                line += ["", "", ""]
                continue
            done_at = cell.completed_at.isoformat(timespec="seconds") if cell.completed_at else ""
            line += [
                done_at,
                "" if cell.score is None else round(cell.score, 2),
                "" if cell.max_score is None else cell.max_score,
            ]
        yield _line(line)


def write_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lines of CSV, as `write_csv` writes them."""
    yield BYTE_ORDER_MARK
    yield from map(_line, rows)


def _line(values: Sequence[object]) -> str:
    stream = StringIO()
    csv.writer(stream).writerow([_guard(value) for value in values])
    return stream.getvalue()


def _guard(value: object) -> object:
    """A spreadsheet runs text that begins like a formula; an apostrophe in front makes it text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("=", "+", "-", "@") and value:
        return f"'{value}"
    if isinstance(value, str) and value[:1] in ("\t", "\r", "\n"):
        return f"'{value}"
    return value
