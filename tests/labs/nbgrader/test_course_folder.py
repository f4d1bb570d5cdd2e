"""Course folders as they really lie about."""

from datetime import datetime
from pathlib import Path

import pytest

from labs.nbgrader.course_folder import CourseFolder, read_timestamp


def lay_out(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def test_a_source_is_what_nbgrader_would_take(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        "gradebook.db",
        "autotests.yml",
        "source/header.ipynb",
        "source/Week 1/p1.ipynb",
        "source/Week 1/._p1.ipynb",
        "source/Week 1/old/p1.ipynb",
        "source/Week 1/data/nested/ä.csv",
        "source/Week 1/.ipynb_checkpoints/p1-checkpoint.ipynb",
        "source/Week 1/__pycache__/a.pyc",
        "source/Week 1/__MACOSX/x",
        "source/Week 1/.DS_Store",
        "release/Week 1/p1.ipynb",
    )
    course = CourseFolder.open(tmp_path)
    assert course.list_assignments() == ["Week 1"]
    assert set(course.read_source("Week 1")) == {"p1.ipynb", "data/nested/ä.csv", "autotests.yml"}


def test_an_assignments_own_templates_win_over_the_courses(tmp_path: Path) -> None:
    lay_out(tmp_path, "autotests.yml", "source/ps1/autotests.yml")
    source = CourseFolder.open(tmp_path).read_source("ps1")
    assert source["autotests.yml"] == b"source/ps1/autotests.yml"


def test_links_in_a_source_are_followed_inside_the_course_and_never_in_a_submission(tmp_path: Path) -> None:
    course = tmp_path / "course"
    lay_out(course, "data/big.csv", "source/ps1/p1.ipynb", "submitted/ada/ps1/p1.ipynb")
    lay_out(tmp_path, "secret.txt")
    for folder in (course / "source" / "ps1", course / "submitted" / "ada" / "ps1"):
        (folder / "big.csv").symlink_to(course / "data" / "big.csv")
        (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
        (folder / "broken").symlink_to(tmp_path / "nowhere")
    opened = CourseFolder.open(course)
    assert set(opened.read_source("ps1")) == {"p1.ipynb", "big.csv"}
    submitted = opened.read_submission(opened.find_learners("ps1")["ada"], limit=100)
    assert set(submitted) == {"p1.ipynb"}


def test_learners_are_the_folders_that_hold_the_assignment(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        "source/ps[1]/p1.ipynb",
        "submitted/s0123/ps[1]/p1.ipynb",
        "submitted/Ada Ä/ps[1]/p1.ipynb",
        "submitted/other/ps1/p1.ipynb",
        "submitted/.hidden/ps[1]/p1.ipynb",
        "submitted/a-file",
        "submitted/also-a-file/ps[1]",
    )
    assert set(CourseFolder.open(tmp_path).find_learners("ps[1]")) == {"s0123", "Ada Ä"}


def test_folders_and_patterns_of_the_course_are_honoured(tmp_path: Path) -> None:
    lay_out(tmp_path, "authors/ps1/p1.ipynb", "authors/ps1/x.tmp", "in/ada/ps1/p1.ipynb")
    (tmp_path / "nbgrader_config.py").write_text(
        'c.CourseDirectory.source_directory = "authors"\nc.CourseDirectory.submitted_directory = "in"\n'
        'c.CourseDirectory.ignore = ["*.tmp"]'
    )
    course = CourseFolder.open(tmp_path)
    assert set(course.read_source("ps1")) == {"p1.ipynb"}
    assert set(course.find_learners("ps1")) == {"ada"}


def test_a_large_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    lay_out(tmp_path, "submitted/ada/ps1/p1.ipynb")
    (tmp_path / "submitted" / "ada" / "ps1" / "p1.ipynb").write_bytes(b"x" * 1000)
    course = CourseFolder.open(tmp_path)
    assert len(course.read_submission(course.find_learners("ps1")["ada"], limit=10)["p1.ipynb"]) == 11


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2015-02-02 15:58:23.948203 America/Los_Angeles", datetime(2015, 2, 2, 23, 58, 23, 948203)),
        ("2026-01-01 12:00:00 UTC", datetime(2026, 1, 1, 12)),
        ("2026-01-01T12:00:00+02:00", datetime(2026, 1, 1, 10)),
        ("", None),
    ],
)
def test_a_timestamp_is_read_as_nbgrader_reads_it(tmp_path: Path, text: str, time: datetime | None) -> None:
    (tmp_path / "timestamp.txt").write_text(text)
    assert read_timestamp(tmp_path) == time


def test_without_a_timestamp_there_is_no_time(tmp_path: Path) -> None:
    assert read_timestamp(tmp_path) is None
    (tmp_path / "timestamp.txt").symlink_to("/etc/hostname")
    assert read_timestamp(tmp_path) is None


def test_a_timestamp_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "timestamp.txt").write_bytes(b"\xff yesterday")
    with pytest.raises(ValueError, match="no time"):
        read_timestamp(tmp_path)
