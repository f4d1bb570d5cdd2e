"""What an instructor can decide, beside the cell that it is about."""

from django import template

from labs.models import CellGrade
from labs.services.hand_grading import key_of, points_words
from labs.views.score_sheet import CellSheet, ScoreSheet

register = template.Library()
register.filter("points", points_words)


@register.filter
def cell_sheet(sheet: ScoreSheet | None, grade: CellGrade) -> CellSheet | None:
    """The fields of a grade cell; nothing for readers who decide nothing, who have no sheet."""
    return sheet.cells.get(key_of(grade)) if sheet else None
