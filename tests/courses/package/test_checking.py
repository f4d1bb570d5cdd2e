"""Broken packages, each with the exact report that its author gets."""

from decimal import Decimal
from pathlib import Path

import pytest

from courses.models import Course
from courses.package import LinkTarget
from courses.package.schemas import CourseTable
from courses.quizzes import Quiz
from tests.courses.package.building import (
    COURSE,
    FILES,
    LAB,
    QUIZ,
    READING,
    Changes,
    M,
    check,
    report_on,
    write_package,
)

BROKEN: dict[str, tuple[Changes, list[str]]] = {
    "no course.toml": (
        {"course.toml": None},
        ["course.toml: This file is missing."],
    ),
    "course.toml is not TOML": (
        {"course.toml": COURSE.replace('"introductory"', '"introductory')},
        ["course.toml:4: This is not TOML: Illegal character '\\n'."],
    ),
    "everything wrong with course.toml": (
        {
            "course.toml": COURSE.replace('"small-course"', '"Small Course"')
            .replace("hours = 1.5", 'hours = "long"')
            .replace('"introductory"', '"easy"')
            .replace("[summary]", "[sumary]")
            .replace("esco/skill/1", "esco/other")
            .replace("0.6", "6")
        },
        [
            "course.toml: “summary” is missing.",
            (
                "course.toml:1: “slug”: “Small Course” must be words of a to z and 0 to 9 joined by “-”, "
                "at most 50 characters."
            ),
            "course.toml:3: “hours” must be a number.",
            "course.toml:4: “level” must be 'introductory', 'intermediate' or 'advanced'.",
            (
                "course.toml:5: “skills”: “http://data.europa.eu/esco/other” is not an ESCO skill: "
                "http://data.europa.eu/esco/skill/…."
            ),
            "course.toml:11: “sumary” is not known here. Did you mean “summary”?",
            "course.toml:17: “completion.pass_share”: this must be from 0 to 1.",
        ],
    ),
    "languages named twice": (
        {"course.toml": COURSE.replace('["en", "fi"]', '["en", "fi", "en"]')},
        ["course.toml:2: “languages”: a language is named twice."],
    ),
    "no languages, no skill": (
        {"course.toml": COURSE.replace('["en", "fi"]', "[]").replace('"http', '1, "http')},
        [
            "course.toml:2: “languages”: a course has at least one language.",
            "course.toml:5: “skills” must be text in quotes.",
        ],
    ),
    "unknown languages": (
        {"course.toml": COURSE.replace('["en", "fi"]', '["en", "fi", "klingon"]')},
        ["course.toml:2: “languages”: “klingon” is not the code of a language, such as “en”."],
    ),
    "a title without translation, and one too many": (
        {"course.toml": COURSE.replace('fi = "Pieni kurssi"', 'sv = "En liten kurs"')},
        [
            "course.toml:7: “title” is missing in “fi”.",
            "course.toml:9: “sv” is not among the languages in course.toml.",
        ],
    ),
    "an empty title": (
        {f"{M}/module.toml": '[title]\nen = " "\nfi = 3\n'},
        [
            f"{M}/module.toml:2: “title.en”: this is empty.",
            f"{M}/module.toml:3: “title.fi” must be text in quotes.",
        ],
    ),
    "no module.toml": ({f"{M}/module.toml": None}, [f"{M}/module.toml: This file is missing."]),
    "TOML nested too deeply": (
        {f"{M}/module.toml": "a = " + "[" * 30_000},
        [f"{M}/module.toml:1: This TOML is nested too deeply."],
    ),
    "a module without units": (
        {"modules/20-empty/module.toml": FILES[f"{M}/module.toml"]},
        ["modules/20-empty: A module has at least one unit."],
    ),
    "no modules": (
        dict.fromkeys([path for path in FILES if path.startswith(M)]) | {"about.en.md": None},
        ["modules: A course has at least one module."],
    ),
    "a module's folder named otherwise": (
        {"modules/Data/module.toml": ""},
        ["modules/Data: A module's folder is named like “10-data-pipeline”: its place, and a slug."],
    ),
    "texts named otherwise": (
        {
            f"{M}/10-what.md": "# A\n\nB\n",
            f"{M}/what.en.md": "# A\n\nB\n",
            f"{M}/40-What.en.md": "# A\n\nB\n",
        },
        [
            f"{M}/10-what.md: A text is named like “10-what-it-is.en.md”: its place, a slug, and its language.",
            f"{M}/40-What.en.md: A text is named like “10-what-it-is.en.md”: its place, a slug, and its language.",
            f"{M}/what.en.md: A text is named like “10-what-it-is.en.md”: its place, a slug, and its language.",
        ],
    ),
    "files of no use": (
        {
            "notes.txt": "a",
            "modules/plan.txt": "a",
            f"{M}/plan.txt": "a",
            f"{M}/drafts/a.md": "a",
            f"{M}/30-try-it/a.py": "",
        },
        [
            f"{M}/30-try-it/a.py: This is no part of a course package.",
            f"{M}/drafts: This is no part of a course package.",
            f"{M}/plan.txt: This is no part of a course package.",
            "modules/plan.txt: This is no part of a course package.",
            "notes.txt: This is no part of a course package.",
        ],
    ),
    "the same slug and place twice": (
        {
            "modules/10-data-again/module.toml": FILES[f"{M}/module.toml"],
            "modules/10-data-again/10-what-it-is.en.md": "# A\n\nB\n",
            "modules/10-data-again/10-other.en.md": "# A\n\nB\n",
        },
        [
            f"about.en.md:1: “{M}/10-what-it-is.en.md#how-it-works”: there is no such heading.",
            f"{M}-again: “{M}” has the same place.",
            f"{M}-again/10-what-it-is: “{M}-again/10-other” has the same place.",
            f"{M}/10-what-it-is: “{M}-again/10-what-it-is” has the same slug: it names one thing in the whole course.",
        ],
    ),
    "a text in a language that the course does not have": (
        {f"{M}/20-check.sv.md": QUIZ},
        [f"{M}/20-check.sv.md: “sv” is not among the languages in course.toml."],
    ),
    "no text in the first language": (
        {f"{M}/10-what-it-is.en.md": None, "about.en.md": None},
        [f"{M}/10-what-it-is.en.md: This file is missing: “en” is the course's first language."],
    ),
    "no title": (
        {f"{M}/10-what-it-is.en.md": READING.replace("# What *data* is", "")},
        [f"{M}/10-what-it-is.en.md: This text has no title: a line that begins with “# ”."],
    ),
    "two titles": (
        {f"{M}/10-what-it-is.en.md": READING + "\n# Another\n"},
        [f"{M}/10-what-it-is.en.md:13: A second title: headings within a text begin with “## ”."],
    ),
    "nothing but a title": (
        {f"{M}/10-what-it-is.fi.md": "# Mitä data on\n"},
        [f"{M}/10-what-it-is.fi.md: This text has a title and nothing else."],
    ),
    "front matter that is wrong": (
        {f"{M}/10-what-it-is.en.md": READING.replace("minutes = 5", 'minute = 5\noptional = "no"')},
        [
            f"{M}/10-what-it-is.en.md:2: “minute” is not known here. Did you mean “minutes”?",
            f"{M}/10-what-it-is.en.md:3: “optional” must be true or false.",
        ],
    ),
    "front matter that is not TOML": (
        {f"{M}/10-what-it-is.en.md": READING.replace("minutes = 5", "minutes: 5")},
        [f"{M}/10-what-it-is.en.md:2: This is not TOML: Expected '=' after a key in a key/value pair."],
    ),
    "front matter that is not closed": (
        {f"{M}/10-what-it-is.fi.md": "+++\nminutes = 5\n\n# A\n\nB\n"},
        [f"{M}/10-what-it-is.fi.md:1: The front matter is not closed by a line “+++”."],
    ),
    "front matter in a translation": (
        {f"{M}/10-what-it-is.fi.md": "+++\nminutes = 5\n+++\n# A\n\nB\n"},
        [f"{M}/10-what-it-is.fi.md:1: Front matter stands only in the text of the course's first language."],
    ),
    "dead links and pictures": (
        {
            f"{M}/10-what-it-is.fi.md": (
                "# A\n\n[no unit](20-chekc.fi.md)\n[no heading](20-check.fi.md#no)\n[here](#no)\n\n"
                "![no picture](images/no.png) ![no picture](20-check.fi.md)\n\n[slash](/etc/passwd) [host](//e.org/x)\n"
                '<img src="images/no.png">\n\n[out](../../../secret.md) ![out](../../../../a.png)\n\n[empty]()\n'
            )
        },
        [
            f"{M}/10-what-it-is.fi.md:3: “20-chekc.fi.md” leads to nothing in this package.",
            f"{M}/10-what-it-is.fi.md:4: “20-check.fi.md#no”: there is no such heading.",
            f"{M}/10-what-it-is.fi.md:5: “#no”: there is no such heading.",
            f"{M}/10-what-it-is.fi.md:7: “20-check.fi.md”: there is no such picture in this module.",
            f"{M}/10-what-it-is.fi.md:7: “images/no.png”: there is no such picture in this module.",
            f"{M}/10-what-it-is.fi.md:9: “//e.org/x”: a link within the course is relative to its file.",
            f"{M}/10-what-it-is.fi.md:9: “/etc/passwd”: a link within the course is relative to its file.",
            f"{M}/10-what-it-is.fi.md:10: “images/no.png”: there is no such picture in this module.",
            f"{M}/10-what-it-is.fi.md:12: “../../../../a.png” leads out of the package.",
            f"{M}/10-what-it-is.fi.md:12: “../../../secret.md” leads out of the package.",
            f"{M}/10-what-it-is.fi.md:14: “” leads to nothing in this package.",
        ],
    ),
    "links that are not for the web": (
        {
            f"{M}/10-what-it-is.fi.md": "# A\n\n<ftp://e.org> <a "
            "href='javascript:alert(1)'>x</a>\n\n![](https://e.org/a.png)\n"
        },
        [
            f"{M}/10-what-it-is.fi.md:3: “ftp://e.org”: links begin with https://, http:// or mailto:.",
            f"{M}/10-what-it-is.fi.md:3: “javascript:alert(1)”: links begin with https://, http:// or mailto:.",
            f"{M}/10-what-it-is.fi.md:5: “https://e.org/a.png”: pictures come from the package, not from another site.",
        ],
    ),
    "HTML that is taken out": (
        {
            f"{M}/10-what-it-is.fi.md": "# A\n\nB <b>b</b>\n<iframe "
            "src='https://e.org'></iframe>\n\n<div>\n<h1>C</h1>\n</div>\n"
        },
        [
            f"{M}/10-what-it-is.fi.md:4: “<iframe>” is not shown: HTML of this kind is taken out.",
            f"{M}/10-what-it-is.fi.md:7: “<h1>” is not shown: HTML of this kind is taken out.",
        ],
    ),
    "an unknown callout": (
        {f"{M}/10-what-it-is.fi.md": "# A\n\n> B\n\n> [!Hint] C\n> D\n"},
        [
            (
                f"{M}/10-what-it-is.fi.md:5: “[!hint]” is no callout; known are note, info, tip, important, "
                "warning, caution, danger, example, question, command."
            )
        ],
    ),
    "not UTF-8, not text": (
        {f"{M}/10-what-it-is.fi.md": "# A\n\nÄ".encode("latin-1"), f"{M}/20-check.fi.md": "# A\n\0"},
        [
            f"{M}/10-what-it-is.fi.md:3: This file is not UTF-8 text.",
            f"{M}/20-check.fi.md:2: This file is not text: it has a zero byte.",
        ],
    ),
    "a text too large": (
        {f"{M}/10-what-it-is.fi.md": "# A\n\n" + "b" * 140_000},
        [f"{M}/10-what-it-is.fi.md: This file is larger than 128 KiB."],
    ),
    "quiz faults": (
        {
            f"{M}/20-check.en.md": QUIZ.replace("- [x] That", "- [ ] That")
            .replace("> Because of both.", "what")
            .replace("Q: Which ones?", "Q: Which ones?\nkind: essay"),
            f"{M}/20-check.fi.md": "# A\n\n```quiz\n```\n",
        },
        [
            f"{M}/20-check.en.md:4: No option of this question is marked as right with “[x]”.",
            f"{M}/20-check.en.md:11: This question has no explanation: a line that begins with “>”, after the options.",
            f"{M}/20-check.en.md:12: “essay” is no kind of question; known are single, multiple, true-false.",
            (
                f"{M}/20-check.en.md:16: This line belongs to nothing: an option begins with “- [ ]”, an "
                "explanation with “>”."
            ),
            f"{M}/20-check.fi.md:3: This quiz has no question. A question begins with “Q:”.",
        ],
    ),
    "quiz translations that differ": (
        {
            f"{M}/20-check.fi.md": QUIZ.replace("- [ ] This\n- [x] That", "- [x] Tämä\n- [ ] Tuo").replace(
                "- [ ] Three\n", ""
            )
        },
        [
            f"{M}/20-check.fi.md:4: In the source language the right options of this question are b, here a.",
            f"{M}/20-check.fi.md:11: In the source language this question has 3 options, here 2.",
        ],
    ),
    "a quiz block of an unknown kind": (
        {f"{M}/20-check.fi.md": QUIZ.replace("```quiz", "```quiz gift")},
        [
            f"{M}/20-check.fi.md:3: A quiz block begins with ```quiz and nothing else, this one with ```quiz gift."
        ],
    ),
    "a unit folder of no kind": (
        {f"{M}/30-try-it/lab.toml": None},
        [
            f"{M}/30-try-it: A unit that is a folder has one file that says its kind and settings, such as lab.toml."
        ],
    ),
    "a unit of an unknown kind": (
        {f"{M}/30-try-it/lab.toml": None, f"{M}/30-try-it/video.toml": LAB},
        [f"{M}/30-try-it: “video” is no kind of unit; known are lab, quiz, reading."],
    ),
    "a lab's settings": (
        {f"{M}/30-try-it/lab.toml": LAB.replace("minutes = 45", "minutes = 0").replace('fi = "Kokeile"', "")},
        [
            f"{M}/30-try-it/lab.toml:1: “minutes”: this must be from 1 to 1440.",
            f"{M}/30-try-it/lab.toml:3: “title” is missing in “fi”.",
        ],
    ),
    "what the kind reports": (
        {f"{M}/30-try-it/source/try.ipynb": "broken"},
        [f"{M}/30-try-it/source/try.ipynb:1: This notebook is broken."],
    ),
    "odd names": (
        {f"{M}/images/{name}": "a" for name in ("my picture.png", "ä.png", "con.png", "DATA.png", "-a.png")},
        [
            f"{M}/images/-a.png: A name here has at most 100 letters from a to z, digits, “.”, “_” and “-”.",
            f"{M}/images/con.png: Windows keeps this name for a device.",
            f"{M}/images/data.png: “DATA.png” and this name differ only by capital letters.",
            f"{M}/images/my picture.png: A name here has at most 100 letters from a to z, digits, “.”, “_” and “-”.",
            f"{M}/images/ä.png: A name here has at most 100 letters from a to z, digits, “.”, “_” and “-”.",
        ],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_gets_exactly_this_report(name: str, tmp_path: Path) -> None:
    changes, expected = BROKEN[name]
    assert report_on(write_package(tmp_path, changes)) == expected


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    changes = {
        "course.toml": COURSE.replace("hours = 1.5", "hours = -1"),
        f"{M}/module.toml": "[title",
        f"{M}/10-what-it-is.fi.md": "# A\n\n[B](b.md)\n",
        f"{M}/20-check.en.md": QUIZ.replace("[x]", "[ ]"),
        f"{M}/30-try-it/source/try.ipynb": "broken",
    }
    assert [line.partition(": ")[0] for line in report_on(write_package(tmp_path, changes))] == [
        "course.toml:3",
        f"{M}/10-what-it-is.fi.md:3",
        f"{M}/20-check.en.md:4",
        f"{M}/20-check.en.md:11",
        f"{M}/30-try-it/source/try.ipynb:1",
        f"{M}/module.toml:1",
    ]


def test_a_package_in_order_is_read_whole(tmp_path: Path) -> None:
    package, problems = check(write_package(tmp_path))
    assert problems == []
    assert package is not None
    assert (package.slug, package.languages, package.hours) == ("small-course", ("en", "fi"), Decimal("1.5"))
    assert package.title == {"en": "A small course", "fi": "Pieni kurssi"}
    assert package.completion == {"rule": "all-units", "pass_share": 0.6}
    assert [(unit.slug, unit.kind, unit.position, unit.minutes) for unit in package.units] == [
        ("what-it-is", "reading", 1, 5),
        ("check", "quiz", 2, None),
        ("try-it", "lab", 3, 45),
    ]
    reading, quiz, lab = package.units
    assert reading.title == {"en": "What data is", "fi": "Mitä data on"}
    assert reading.texts["en"].source.startswith("See [the quiz]")
    assert reading.texts["en"].first_line == 7
    assert list(reading.texts["en"].links.values()) == [
        LinkTarget(unit="check"),
        LinkTarget(file="images/data.png"),
    ]
    assert package.about["en"].links["modules/10-data/10-what-it-is.en.md#how-it-works"] == LinkTarget(
        unit="what-it-is", fragment="how-it-works"
    )
    assert isinstance(quiz.data, dict)
    assert isinstance(quiz.data["fi"], Quiz)
    assert lab.title == {"en": "Try it", "fi": "Kokeile"}
    assert lab.data == {"needs": {"gpus": 0}}
    assert [file.path.removeprefix(f"{M}/30-try-it/") for file in lab.files] == [
        "about.en.md",
        "lab.toml",
        "source/try.ipynb",
    ]
    assert [file.path for file in package.modules[0].files] == [f"{M}/images/data.png"]


def test_the_levels_are_those_of_the_catalogue() -> None:
    level = CourseTable.model_fields["level"].annotation
    assert set(level.__args__) == set(Course.Level.values)  # type: ignore[union-attr]


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert report_on(tmp_path / "nowhere") == ["the package: There is no such folder."]


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    assert report_on(tmp_path) == [
        "course.toml: This file is missing.",
        "modules: A course has at least one module.",
    ]


def test_markdown_made_to_be_slow_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("courses.markdown.rendering.SECONDS", 0.2)
    folder = write_package(tmp_path, {f"{M}/10-what-it-is.fi.md": "# A\n\n" + "![" * 60_000})
    assert report_on(folder) == [
        f"{M}/10-what-it-is.fi.md: This Markdown cannot be read: it is nested too deeply or takes too long."
    ]


def test_the_same_content_has_the_same_hash_wherever_it_lies(tmp_path: Path) -> None:
    first, _problems = check(write_package(tmp_path / "a"))
    folder = tmp_path / "b"
    for path in reversed(list(FILES)):  # another order on the disk
        write_package(folder, {other: None for other in FILES if other != path})
    write_package(folder, {"README.md": "About", ".git/config": "[core]", f"{M}/.DS_Store": "x"})
    second, _problems = check(folder)
    assert first is not None
    assert second is not None
    assert first.content_hash == second.content_hash


@pytest.mark.parametrize("path", [path for path in FILES if path != "course.toml"])
def test_every_file_counts_in_the_hash(path: str, tmp_path: Path) -> None:
    before, _problems = check(write_package(tmp_path))
    place = tmp_path / path
    place.write_bytes(place.read_bytes() + b"\n")
    after, _problems = check(tmp_path)
    assert before is not None
    assert after is not None
    assert before.content_hash != after.content_hash


def test_the_demo_course_is_in_order() -> None:
    folder = Path(__file__).parents[3] / "courses" / "demo" / "ai-factory-essentials"
    assert report_on(folder) == []


def test_a_hint_stands_beside_a_package_in_order(tmp_path: Path) -> None:
    package, problems = check(write_package(tmp_path, {f"{M}/30-try-it/source/try.ipynb": "clock"}))
    assert package is not None
    assert [(problem.line, problem.is_hint) for problem in problems] == [(3, True)]
