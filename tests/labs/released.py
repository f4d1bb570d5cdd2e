"""Releases with notebooks that can be read, for what Paja tells from their text alone."""

import json
from typing import Any

from labs.blobs import store_blob
from labs.models import LabRelease

VISIBLE = "assert mean([1, 2]) == 1.5"


def write_notebook(*cells: dict[str, Any], **fields: Any) -> bytes:
    """A notebook's JSON, with nothing in it that is not said here."""
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **fields}).encode()


def write_cell(grade_id: str, source: str = "", **nbgrader: Any) -> dict[str, Any]:
    """A code cell with nbgrader's metadata."""
    metadata = {"nbgrader": {"grade_id": grade_id, **nbgrader}}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": []}


def write_test(grade_id: str = "mean", source: str = VISIBLE) -> dict[str, Any]:
    """A cell whose tests give points."""
    return write_cell(grade_id, source, grade=True, solution=False, locked=True, points=3)


def show_tests(release: LabRelease, source: str = VISIBLE) -> None:
    """Give the learners of a release a notebook with one test."""
    release.learner_files = {"lab.ipynb": store_blob(write_notebook(write_test(source=source)))}
    release.save()
