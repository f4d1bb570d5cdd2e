"""The course that comes with Paja: its translations say the same, and its lab marks the work of the learner."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from labs.box import BoxEnvironment, BoxLimits
from labs.nbgrader import NotebookResult, ReleasedLab, autograde, make_release

COURSE = Path(__file__).parents[2] / "courses" / "demo" / "ai-factory-essentials"
LAB = COURSE / "modules" / "10-data-pipeline" / "40-clean-the-data"
NOTEBOOK = "clean-the-data.ipynb"
LIMITS = BoxLimits(memory_bytes=1024 * 2**20)
TEXTS = sorted(path.relative_to(COURSE) for path in COURSE.rglob("*.en.md"))


@pytest.mark.parametrize("language", ["fi", "el"])
@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_a_translation_has_the_parts_of_its_source(path: Path, language: str) -> None:
    source = (COURSE / path).read_text(encoding="utf-8")
    translation = (COURSE / str(path).replace(".en.md", f".{language}.md")).read_text(encoding="utf-8")
    if path.parent.name != LAB.name:  # the lab's page says more where the notebook is not in one's language
        assert parts_of(translation) == parts_of(source)
    assert python_of(translation) == python_of(source)


def parts_of(text: str) -> dict[str, list[str] | int]:
    """What a translator must not lose: structure in its order, pictures, right options, how much maths."""
    return {
        "marks": re.findall(r"^(#{1,3} |> \[!\w+\]|- \[[ x]\]|```\w*|\d\. |\|)", text, re.MULTILINE),
        "pictures": re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text),
        "dollars": text.count("$"),
    }


def python_of(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def environment() -> BoxEnvironment:
    return BoxEnvironment(python=settings.LAB_PYTHON)


@pytest.fixture(scope="module")
def release(environment: BoxEnvironment) -> ReleasedLab:
    source = {path.name: path.read_bytes() for part in ("source", "files") for path in (LAB / part).iterdir()}
    return make_release(source, name="clean-the-data", environment=environment)


@pytest.mark.live
def test_the_labs_solution_gets_full_marks(release: ReleasedLab, environment: BoxEnvironment) -> None:
    cells = grade(release, environment, solved_notebook(release)).cells

    assert {cell.grade_id: cell.auto_score for cell in cells if not cell.needs_manual_grade} == {
        spec.grade_id: spec.max_score for spec in release.grade_cells if not spec.is_manual
    }
    assert [cell.grade_id for cell in cells if cell.needs_manual_grade] == ["report"]


@pytest.mark.live
def test_the_labs_empty_notebook_gets_nothing(release: ReleasedLab, environment: BoxEnvironment) -> None:
    cells = grade(release, environment, release.learner_files[NOTEBOOK]).cells

    assert [cell.auto_score for cell in cells] == [0] * 7


def grade(release: ReleasedLab, environment: BoxEnvironment, notebook: bytes) -> NotebookResult:
    result = autograde(release, {NOTEBOOK: notebook}, limits=LIMITS, environment=environment)
    return result.notebooks[0]


def solved_notebook(release: ReleasedLab) -> bytes:
    """The learner's notebook with every cell to be filled in filled in by the author."""
    solutions = {cell["id"]: cell["source"] for cell in json.loads(release.source[NOTEBOOK])["cells"]}
    notebook = json.loads(release.learner_files[NOTEBOOK])
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = solutions[cell["id"]]
    return json.dumps(notebook).encode()
