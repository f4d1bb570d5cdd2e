"""A course with one small lab, for what the demo course's lab would take too long."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SLUG = "small-course"
LAB = "add-up"
NOTEBOOK = "add-up.ipynb"
SOLVED = "def add(first, second):\n    return first + second"

FILES = {
    "course.toml": f"""
slug = "{SLUG}"
languages = ["en"]
hours = 1
level = "introductory"
[title]
en = "Small course"
[summary]
en = "One lab of one task."
""",
    "modules/10-basics/module.toml": '[title]\nen = "Basics"\n',
    f"modules/10-basics/10-{LAB}/about.en.md": "Write a function that adds two numbers.\n",
    f"modules/10-basics/10-{LAB}/lab.toml": """
minutes = 5
[title]
en = "Add up"
[grading]
cell_seconds = 30
total_seconds = 120
memory_mb = 512
""",
}


def write_package(
    folder: Path, *, slug: str = SLUG, sources: Mapping[str, bytes] | None = None, lab: str = LAB
) -> Path:
    """Write the course's package into a new folder, or that of a course like it with a lab of these files."""
    texts = {name.replace(LAB, lab): text.replace(SLUG, slug) for name, text in FILES.items()}
    files = {name: text.encode() for name, text in texts.items()}
    for name, content in (sources or {NOTEBOOK: make_source()}).items():
        files[f"modules/10-basics/10-{lab}/source/{name}"] = content
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def make_source() -> bytes:
    solution = SOLVED.replace("\n", "\n    ### BEGIN SOLUTION\n") + "\n    ### END SOLUTION"
    tests = (
        'assert add(1, 2) == 3, "One and two are three."\n'
        '### BEGIN HIDDEN TESTS\nassert add(-1, 1) == 0, "Less than nothing adds up too."\n### END HIDDEN TESTS'
    )
    return write_notebook(
        [
            new_markdown_cell("# Add up", id="intro"),
            new_code_cell(solution, id="add", metadata=grade_metadata("add", solution=True)),
            new_code_cell(tests, id="test-add", metadata=grade_metadata("test-add", points=3)),
        ]
    )


def grade_metadata(grade_id: str, *, solution: bool = False, points: int | None = None) -> dict[str, Any]:
    """nbgrader's metadata of a solution cell or, with points, of an autograder's cell."""
    cell: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "solution": solution,
        "grade": points is not None,
        "locked": points is not None,
        "task": False,
    }
    if points is not None:
        cell["points"] = points
    return {"nbgrader": cell}


def solve(released: bytes, *further: Any) -> bytes:
    """The learner's notebook with the task done and `further` cells at its end."""
    notebook = nbformat.reads(released.decode(), as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "add":
            cell.source = SOLVED
    return write_notebook([*notebook.cells, *further])


def write_notebook(cells: list[Any]) -> bytes:
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return str(nbformat.writes(notebook)).encode()
