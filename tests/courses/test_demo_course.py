"""The course that comes with Paja: its translations say the same, and its lab marks the work of the learner."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command

COURSE = Path(__file__).parents[2] / "courses" / "demo" / "ai-factory-essentials"
LAB = COURSE / "modules" / "10-data-pipeline" / "40-clean-the-data"
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


@pytest.mark.live
@pytest.mark.timeout(300)
def test_nothing_is_wrong_with_it_its_solution_gets_all_points_and_an_empty_answer_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("check_course", str(COURSE), "--run")
    said = capsys.readouterr()
    assert said.out == ("ai-factory-essentials is in order. Modules: 1. Units: 4. Languages: en, fi, el.\n")
    assert said.err.startswith(
        "clean-the-data: grading the solution\nclean-the-data: grading an empty answer\n"
    )
