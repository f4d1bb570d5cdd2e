"""What a draft's check has found, and where the pages of a source and of its drafts are."""

from django.urls import reverse

from courses.models import Cohort
from labs.models import LabDraft

CELL = {
    "change": "changed",
    "is_moved": False,
    "name": "mean",
    "name_before": "mean",
    "cell_type": "code",
    "number_before": 2,
    "number_after": 2,
    "kind_before": "solution",
    "kind_after": "tests",
    "points_before": None,
    "points_after": 3.0,
    "tags_before": [],
    "tags_after": [],
    "lines": [["-", "<b>old</b>"], ["+", "new"], ["…", ""], [" ", "same"]],
    "is_cut": False,
}
COMPARISON = {
    "points_before": 3.0,
    "points_after": 5.0,
    "notebooks": [
        {
            "path": "lab.ipynb",
            "change": "changed",
            "points_before": 3.0,
            "points_after": 5.0,
            "kernel_before": "python3",
            "kernel_after": "python3",
            "cells": [CELL],
            "same_count": 4,
            "is_cut": False,
        }
    ],
    "files": [{"path": "data.csv", "change": "added", "bytes_before": None, "bytes_after": 2048}],
}
PROBLEM = {
    "notebook": "lab.ipynb",
    "cell": 2,
    "line": 41,
    "code": "duplicate_grade_id",
    "message": "The grade id <i>mean</i> is used by 2 cells.",
    "cell_name": "mean",
}


def source(cohort: Cohort, part: str = "") -> str:
    name = f"labs:source-{part}" if part else "labs:source"
    return reverse(name, args=[cohort.public_id, "practise"])


def page_of(draft: LabDraft, part: str = "") -> str:
    name = f"labs:draft-{part}" if part else "labs:draft"
    return reverse(name, args=[draft.public_id])
