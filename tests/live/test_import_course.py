"""`manage.py import_course` on bad packages: everything wrong at once with its place, and nothing imported."""

from pathlib import Path

import pytest

from courses.models import Course, CourseRelease
from labs.models import Lab
from tests.live import small_course
from tests.live.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack"), pytest.mark.usefixtures("rows")]

BASICS = "modules/10-basics"
NOTEBOOK = f"{BASICS}/10-{small_course.LAB}/source/{small_course.NOTEBOOK}"


def test_all_that_is_wrong_with_a_package_is_said_at_once(stack: Stack, tmp_path: Path) -> None:
    package = small_course.write_package(tmp_path / "package")
    course = package / "course.toml"
    course.write_text(course.read_text().replace(small_course.SLUG, "bad-course"))
    # A text in a language that the course does not have in full, and a link to a file that is missing.
    (package / BASICS / "20-read.en.md").write_text("# Read\n\n![A picture](images/missing.png)\n")
    # TOML that is no TOML.
    broken = package / "modules/20-broken/module.toml"
    broken.parent.mkdir()
    broken.write_text('[title]\nen = "Broken\n')
    # A grade id twice, and a notebook that is no JSON.
    notebook = package / NOTEBOOK
    notebook.write_text(notebook.read_text().replace('"grade_id": "test-add"', '"grade_id": "add"'))
    notebook.with_name("torn.ipynb").write_text('{\n "cells": [\n')
    # A path out of the package.
    (package / BASICS / "files").mkdir()
    (package / BASICS / "files/secret.txt").symlink_to("/etc/passwd")

    said = stack.manage("import_course", str(package))

    assert said.returncode == 1
    assert "Nothing was imported" in said.stderr
    for place in (
        f"{BASICS}/20-read.en.md:3:",
        "modules/20-broken/module.toml:2:",
        f"{NOTEBOOK}:",
        f"{BASICS}/10-{small_course.LAB}/source/torn.ipynb:",
        f"{BASICS}/files/secret.txt",
    ):
        assert place in said.stderr, said.stderr
    assert "root:" not in said.stderr
    assert not Course.objects.filter(slug="bad-course").exists()
    assert not CourseRelease.objects.filter(course__slug="bad-course").exists()
    assert not Lab.objects.filter(course__slug="bad-course").exists()
