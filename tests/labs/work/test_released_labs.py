"""Releases out of the storage, kept in the worker."""

import pytest

from labs.blobs import read_blob, store_blob
from labs.keeping import BoundedCache
from labs.models import LabRelease
from labs.nbgrader import CellKind, ReleasedLab
from labs.work import released_labs
from labs.work.released_labs import MAX_BYTES, MAX_LABS, released_lab, submitted_files
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def release() -> LabRelease:
    both = {"data/rows.csv": store_blob(b"1,2")}
    return make.LabReleaseFactory.create(
        source_files={"lab.ipynb": store_blob(b"author's"), **both},
        learner_files={"lab.ipynb": store_blob(b"learners'"), **both},
        gradebook=store_blob(b"gradebook"),
    )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digests that were read from the storage, in an empty cache."""
    digests: list[str] = []

    def note(digest: str) -> bytes:
        digests.append(digest)
        return read_blob(digest)

    monkeypatch.setattr("labs.work.released_labs.read_blob", note)
    cache = BoundedCache[ReleasedLab](max_items=MAX_LABS, max_weight=MAX_BYTES)
    monkeypatch.setattr(released_labs, "_labs", cache)
    return digests


def test_a_release_is_what_its_digests_name(release: LabRelease) -> None:
    lab = released_lab(release)
    assert lab.source == {"lab.ipynb": b"author's", "data/rows.csv": b"1,2"}
    assert lab.learner_files == {"lab.ipynb": b"learners'", "data/rows.csv": b"1,2"}
    assert (lab.name, lab.gradebook) == (release.lab.slug, b"gradebook")


def test_its_grade_cells_are_of_their_kinds(release: LabRelease) -> None:
    kinds = [cell.kind for cell in released_lab(release).grade_cells]
    assert kinds == [CellKind.AUTOGRADED, CellKind.MANUAL]
    assert all(isinstance(kind, CellKind) for kind in kinds)


def test_a_second_run_reads_nothing_and_each_file_is_read_once(release: LabRelease, read: list[str]) -> None:
    lab = released_lab(release)
    assert len(read) == len(set(read)) == 4
    assert released_lab(LabRelease.objects.get(pk=release.pk)) is lab
    assert len(read) == 4


@pytest.mark.parametrize("what", ["source_files", "learner_files", "gradebook", "grade_cells"])
def test_another_release_of_the_same_lab_is_another(release: LabRelease, what: str) -> None:
    lab = released_lab(release)
    other = {
        "source_files": {"lab.ipynb": store_blob(b"mended")},
        "learner_files": {"lab.ipynb": store_blob(b"mended")},
        "gradebook": store_blob(b"mended"),
        "grade_cells": release.grade_cells[:1],
    }
    setattr(release, what, other[what])
    assert released_lab(release) != lab


def test_of_a_submission_only_what_is_the_learners_own_is_read(release: LabRelease, read: list[str]) -> None:
    own = {"lab.ipynb": store_blob(b"work"), "notes.txt": store_blob(b"")}
    copied = {"data/rows.csv": release.learner_files["data/rows.csv"]}
    submission = make.SubmissionFactory.create(release=release, lab=release.lab, files=own | copied)
    lab = released_lab(release)
    read.clear()
    files = submitted_files(submission, release, lab)
    assert files == {"lab.ipynb": b"work", "notes.txt": b"", "data/rows.csv": b"1,2"}
    assert sorted(read) == sorted(own.values())


def test_what_is_larger_than_a_worker_keeps_is_read_each_time(
    release: LabRelease, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = len(b"author's" + b"learners'" + b"gradebook" + b"1,2")  # the file of both counts once
    for most, times in ((weight, 1), (weight - 1, 2)):
        monkeypatch.setattr(released_labs, "_labs", BoundedCache[ReleasedLab](max_items=9, max_weight=most))
        read.clear()
        released_lab(release)
        released_lab(release)
        assert len(read) == 4 * times
