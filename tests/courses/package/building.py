"""A small package in order, and changes that break it."""

from collections.abc import Mapping
from pathlib import Path

from courses.package import Package, Problem, check_package
from courses.package.quiz_units import check_quiz_unit
from courses.package.reporting import format_problem
from courses.unit_kinds import Report, UnitKind, UnitSource

Changes = Mapping[str, str | bytes | None]

COURSE = """\
slug = "small-course"
languages = ["en", "fi"]
hours = 1.5
level = "introductory"
skills = ["http://data.europa.eu/esco/skill/1"]

[title]
en = "A small course"
fi = "Pieni kurssi"

[summary]
en = "Enough to be a course."
fi = "Juuri ja juuri kurssi."

[completion]
rule = "all-units"
pass_share = 0.6
"""

READING = """\
+++
minutes = 5
+++

# What *data* is

See [the quiz](20-check.en.md), [how](#how-it-works) and ![a picture](images/data.png).

## How it works

Well.
"""

QUIZ = """\
# Check yourself

```quiz
Q: Which one?
- [ ] This
- [x] That
> Because.

---

Q: Which ones?
- [x] One
- [x] Two
- [ ] Three
> Because of both.
```
"""

LAB = """\
minutes = 45

[title]
en = "Try it"
fi = "Kokeile"

[needs]
gpus = 0
"""

M = "modules/10-data"
FILES: Changes = {
    "course.toml": COURSE,
    "about.en.md": "Begin at [the reading](modules/10-data/10-what-it-is.en.md#how-it-works).\n",
    f"{M}/module.toml": '[title]\nen = "Data"\nfi = "Data"\n',
    f"{M}/10-what-it-is.en.md": READING,
    f"{M}/10-what-it-is.fi.md": "# Mitä data on\n\nKatso [koe](20-check.md) tai [tehtävä](30-try-it/).\n",
    f"{M}/20-check.en.md": QUIZ,
    f"{M}/20-check.fi.md": QUIZ.replace("Check yourself", "Testaa itsesi"),
    f"{M}/30-try-it/lab.toml": LAB,
    f"{M}/30-try-it/about.en.md": "Look at [the quiz](../20-check.en.md) first.\n",
    f"{M}/30-try-it/source/try.ipynb": "{}",
    f"{M}/images/data.png": b"\x89PNG",
}


def check_fake_lab(unit: UnitSource, report: Report) -> object:
    """What stands in for labs: notebooks that are broken, or worth a hint, when they say so."""
    for notebook in sorted((unit.folder / "source").glob("*.ipynb")):
        path = f"{unit.path}/source/{notebook.name}"
        if "clock" in notebook.read_text():
            report(path, "This notebook reads the clock.", line=3, code="reads-clock", is_hint=True)
        if "broken" in notebook.read_text():
            report(path, "This notebook is broken.", line=1, code="broken-notebook")
    return dict(unit.settings)


def _nothing(*_arguments: object) -> None:
    return None


def make_kind(slug: str, check: object = _nothing) -> UnitKind:
    return UnitKind(slug=slug, template="", check=check, import_unit=_nothing, page_context=_nothing)  # type: ignore[arg-type]


KINDS = {
    "reading": make_kind("reading"),
    "quiz": make_kind("quiz", check_quiz_unit),
    "lab": make_kind("lab", check_fake_lab),
}


def write_package(folder: Path, changes: Changes | None = None) -> Path:
    """Write the package with some files changed, added, or (None) left out."""
    for path, content in {**FILES, **(changes or {})}.items():
        if content is None:
            continue
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def check(folder: Path) -> tuple[Package | None, list[Problem]]:
    return check_package(folder, KINDS)


def report_on(folder: Path) -> list[str]:
    """The problems as an author reads them."""
    package, problems = check(folder)
    assert (package is None) == bool(problems)
    return [format_problem(problem) for problem in problems]
