"""What may not lie in a package: links, devices, and more than it may hold."""

import os
from pathlib import Path

import pytest

from tests.courses.package.building import M, report_on, write_package


def test_a_link_out_of_the_package_is_named_and_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("# Secret\n\nbroken\n")
    folder = write_package(tmp_path / "package", {f"{M}/10-what-it-is.fi.md": None})
    (folder / M / "10-what-it-is.fi.md").symlink_to(secret)
    (folder / M / "30-try-it/source/other.ipynb").symlink_to(secret)
    (folder / "modules/20-more").symlink_to(tmp_path)
    assert report_on(folder) == [
        f"{M}/10-what-it-is.fi.md: This link leads out of the package.",
        f"{M}/30-try-it/source/other.ipynb: This link leads out of the package.",
        "modules/20-more: This link leads out of the package.",
    ]


def test_a_link_within_the_package_is_refused_too(tmp_path: Path) -> None:
    folder = write_package(tmp_path)
    (folder / M / "images/same.png").symlink_to("data.png")
    (folder / M / "images/round.png").symlink_to("round.png")
    assert report_on(folder) == [
        f"{M}/images/round.png: This is a link. A package has plain files only.",
        f"{M}/images/same.png: This is a link. A package has plain files only.",
    ]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = write_package(tmp_path)
    os.mkfifo(folder / M / "images/pipe.png")
    assert report_on(folder) == [f"{M}/images/pipe.png: This is neither a file nor a folder."]


def test_a_kind_does_not_look_at_a_folder_with_refused_files(tmp_path: Path) -> None:
    folder = write_package(tmp_path, {f"{M}/30-try-it/source/try.ipynb": "broken"})
    (folder / M / "30-try-it/source/link.ipynb").symlink_to("/dev/zero")
    assert report_on(folder) == [
        f"{M}/30-try-it/source/link.ipynb: This link leads out of the package.",
    ]


def test_a_file_too_large_is_named_and_not_read(tmp_path: Path) -> None:
    folder = write_package(tmp_path)
    with (folder / M / "images/large.png").open("wb") as file:
        file.truncate(10**12)  # a terabyte of nothing
    assert report_on(folder) == [f"{M}/images/large.png: This file is larger than 20 MiB."]


def test_a_package_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("courses.package.files.MAX_FILES", 20)
    folder = write_package(tmp_path, {f"{M}/images/{number}.png": "a" for number in range(100)})
    assert (
        "the package: A package has at most 20 files of 200 MiB in all; this one was not read further."
        in report_on(folder)
    )


def test_folders_too_deep_are_named(tmp_path: Path) -> None:
    folder = write_package(tmp_path, {f"{M}/images/{'a/' * 300}a.png": "a"})
    assert report_on(folder) == [
        f"{M}/images/a/a/a/a/a: This folder is deeper in the package than 8 folders."
    ]


def test_a_name_that_is_not_unicode_is_a_problem(tmp_path: Path) -> None:
    folder = write_package(tmp_path)
    (Path(os.fsdecode(os.fsencode(folder / M / "images") + b"/\xff.png"))).write_bytes(b"a")
    assert report_on(folder) == [
        f"{M}/images/?.png: A name here has at most 100 letters from a to z, digits, “.”, “_” and “-”."
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    folder = write_package(tmp_path)
    (folder / M / "images/data.png").chmod(0)
    assert f"{M}/images/data.png: This file cannot be read." in report_on(folder)
