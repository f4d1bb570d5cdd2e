from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.storage import storages

from courses import unit_kinds
from courses.models import Course, CourseRelease, Unit, UnitFile, UnitText
from courses.quizzes import Quiz
from courses.services.importing import PackageProblemsError, import_package
from tests.courses.package.building import FILES, KINDS, READING, M, write_package

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings and quizzes as they are; a lab that needs no nbgrader."""
    monkeypatch.setattr(unit_kinds, "_kinds", {**unit_kinds.registered_kinds(), "lab": KINDS["lab"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_package(tmp_path)


def text_of(slug: str, language: str = "en") -> UnitText:
    return UnitText.objects.get(unit__slug=slug, language=language)


def test_a_package_becomes_a_release_with_its_texts(folder: Path) -> None:
    result = import_package(folder)

    release = result.release
    assert result.is_new
    assert (release.course.slug, release.number, release.languages) == ("small-course", 1, ["en", "fi"])
    assert (release.hours, release.level) == (Decimal("1.5"), "introductory")
    assert release.completion == {"rule": "all-units", "pass_share": 0.6}
    assert {text.language: text.title for text in release.texts.all()} == {
        "en": "A small course",
        "fi": "Pieni kurssi",
    }
    assert [(unit.slug, unit.kind, unit.position, unit.minutes) for unit in release.units.all()] == [
        ("what-it-is", "reading", 1, 5),
        ("check", "quiz", 2, None),
        ("try-it", "lab", 3, 45),
    ]
    assert text_of("what-it-is", "fi").title == "Mitä data on"
    assert not text_of("try-it", "fi").html  # its title is translated, its text is not


def test_links_lead_to_pages_and_pictures_to_files(folder: Path) -> None:
    import_package(folder)

    html = text_of("what-it-is").html
    assert 'href="../check/"' in html
    assert 'src="../files/data/images/data.png"' in html
    assert 'href="#text-how-it-works"' in html
    assert 'id="text-how-it-works"' in html


def test_a_quiz_is_kept_in_every_language_and_not_printed_as_code(folder: Path) -> None:
    import_package(folder)

    for language in ("en", "fi"):
        text = text_of("check", language)
        quiz = Quiz.from_json(text.quiz or {})
        assert [question.right_options for question in quiz.questions] == [("b",), ("a", "b")]
        assert "Which one" not in text.html


def test_files_keep_their_type_and_content(folder: Path) -> None:
    import_package(folder)

    file = UnitFile.objects.get()
    assert (file.path, file.content_type) == ("images/data.png", "image/png")
    assert file.content.read() == b"\x89PNG"


@pytest.mark.parametrize("name", ["tool.py", "lab.ipynb", "data.zip"])
def test_a_file_that_no_page_shows_is_a_download(tmp_path: Path, name: str) -> None:
    reading = READING + f"\n[Take it](images/{name})\n"
    folder = write_package(tmp_path, {f"{M}/images/{name}": "x", f"{M}/10-what-it-is.en.md": reading})

    import_package(folder)

    assert UnitFile.objects.get(path=f"images/{name}").content_type == "application/octet-stream"


def test_the_same_content_again_is_the_same_release(folder: Path) -> None:
    first = import_package(folder)
    second = import_package(folder)

    assert first.release == second.release
    assert not second.is_new
    assert CourseRelease.objects.count() == 1


def test_changed_content_is_the_next_release_and_leaves_the_first_as_it_was(folder: Path) -> None:
    import_package(folder)
    write_package(folder, {f"{M}/10-what-it-is.en.md": READING.replace("Well.", "Better.")})

    result = import_package(folder)

    assert result.is_new
    assert result.release.number == 2
    assert [
        "Well." in text.html for text in UnitText.objects.filter(unit__slug="what-it-is", language="en")
    ] == [
        True,
        False,
    ]


def test_equal_files_are_stored_once(folder: Path) -> None:
    import_package(folder)
    write_package(folder, {"about.en.md": "Changed.\n"})
    import_package(folder)

    assert len({file.content.name for file in UnitFile.objects.all()}) == 1


def test_with_anything_wrong_everything_is_said_and_nothing_is_imported(tmp_path: Path) -> None:
    changes = {
        f"{M}/module.toml": None,
        f"{M}/20-check.en.md": "# Quiz\n\n```quiz\nQ: Which?\n- [ ] None\n```\n",
        f"{M}/30-try-it/source/try.ipynb": "broken",
    }
    with pytest.raises(PackageProblemsError) as error:
        import_package(write_package(tmp_path, changes))

    codes = {problem.code for problem in error.value.problems}
    assert {"missing-file", "broken-notebook"} <= codes
    assert len(error.value.problems) >= 3
    assert not Course.objects.exists()


def test_hints_keep_nothing_from_being_imported(tmp_path: Path) -> None:
    changes = {f"{M}/30-try-it/source/try.ipynb": "clock"}
    assert import_package(write_package(tmp_path, changes)).is_new


def test_a_fault_half_way_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = dict(unit_kinds.registered_kinds())
    fails = unit_kinds.UnitKind(
        slug="lab",
        template="",
        check=kinds["lab"].check,
        import_unit=_fail,
        page_context=kinds["lab"].page_context,
    )
    monkeypatch.setattr(unit_kinds, "_kinds", {**kinds, "lab": fails})

    with pytest.raises(RuntimeError):
        import_package(folder)

    assert not Course.objects.exists()
    assert not Unit.objects.exists()


def test_known_content_with_a_link_out_of_the_package_is_still_refused(folder: Path) -> None:
    import_package(folder)
    (folder / M / "images" / "passwd.png").symlink_to("/etc/passwd")

    with pytest.raises(PackageProblemsError) as error:
        import_package(folder)

    assert [problem.code for problem in error.value.problems] == ["leaves-package"]


def test_what_an_import_needs_of_the_disk_is_the_package_alone(folder: Path) -> None:
    """The storage has what the release shows, so the package can go."""
    import_package(folder)
    for path in FILES:
        (folder / path).unlink()

    assert storages["default"].open(str(UnitFile.objects.get().content.name)).read() == b"\x89PNG"


def _fail(*_arguments: object) -> None:
    raise RuntimeError
