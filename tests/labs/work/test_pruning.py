"""Which snapshots and blobs go, and which never do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage

from labs import tasks
from labs.blobs import PREFIXES, delete_blob, list_blobs, read_blob, store_blob, store_files
from labs.models import Snapshot, Workspace
from labs.work import pruning
from labs.work.pruning import choose_kept, find_referenced, prune_blobs, prune_snapshots
from tests.factories import labs as make

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
LATER = timedelta(days=400)


def row(number: int, age: timedelta, cause: str = "timer") -> Snapshot:
    return Snapshot(pk=number, cause=cause, created_at=NOW - age)


def kept_of(*ages: timedelta, cause: str = "timer") -> list[int]:
    """Which are kept of snapshots of these ages and a newest one."""
    rows = [row(0, timedelta()), *(row(number, age, cause) for number, age in enumerate(ages, start=1))]
    return sorted(choose_kept(rows, NOW) - {0})


def minutes(*numbers: int, days: int = 0) -> list[timedelta]:
    return [timedelta(days=days, minutes=number) for number in numbers]


def test_every_snapshot_of_a_day_is_kept() -> None:
    assert kept_of(*minutes(1, 4, 7, 24 * 60)) == [1, 2, 3, 4]


def test_the_last_one_of_each_hour_is_kept_for_a_week() -> None:
    # 12:29, 12:10, 12:05 and 11:58, three days ago
    assert kept_of(*minutes(1, 20, 25, 32, days=3)) == [1, 4]


def test_the_last_one_of_each_day_is_kept_for_half_a_year() -> None:
    assert kept_of(*minutes(0, 60, 120, days=100), *minutes(0, days=101)) == [1, 4]


def test_nothing_is_kept_for_ever_but_the_newest() -> None:
    assert kept_of(LATER) == []
    assert choose_kept([row(1, LATER)], NOW) == {1}


@pytest.mark.parametrize("cause", ["restore", "reset"])
def test_what_stood_before_a_step_of_the_learner_is_kept(cause: str) -> None:
    rows = [row(1, timedelta()), row(2, LATER, cause), row(3, LATER), row(4, LATER)]
    assert choose_kept(rows, NOW) == {1, 3}


def test_what_was_found_on_a_disk_is_not_thinned_out() -> None:
    assert kept_of(*minutes(1, 2, 3, days=100), cause="found") == [1, 2, 3]


@pytest.mark.django_db
def test_what_is_wanted_and_what_it_was_taken_from_stay() -> None:
    workspace = make.WorkspaceFactory.create()
    other = make.WorkspaceFactory.create()
    made = {
        name: make.SnapshotFactory.create(workspace=workspace, created_at=NOW - age)
        for name, age in (
            ("newest", timedelta()),
            ("wanted", LATER),
            ("origin", LATER),
            ("old", LATER),
        )
    }
    lone = make.SnapshotFactory.create(workspace=other, created_at=NOW - LATER)
    Snapshot.objects.filter(pk=made["newest"].pk).update(origin=made["origin"])
    Workspace.objects.filter(pk=workspace.pk).update(wanted=made["wanted"])
    assert prune_snapshots(now=NOW) == 0
    left = {made["newest"].pk, made["wanted"].pk, made["origin"].pk, lone.pk}
    assert set(Snapshot.objects.values_list("pk", flat=True)) == left


def every_second() -> Iterator[float]:
    """A clock on which each look comes a slice later."""
    now = 0.0
    while True:
        yield now
        now += pruning.SLICE_SECONDS + 1


@pytest.mark.django_db
def test_snapshots_are_gone_through_in_slices() -> None:
    first, second = make.WorkspaceFactory.create(), make.WorkspaceFactory.create()
    for workspace in (first, second):
        make.SnapshotFactory.create(workspace=workspace, created_at=NOW)
        make.SnapshotFactory.create(workspace=workspace, created_at=NOW - LATER)
    after = prune_snapshots(now=NOW, clock=every_second().__next__)
    assert after == first.pk
    assert (first.snapshots.count(), second.snapshots.count()) == (1, 2)
    prune_snapshots(after, now=NOW)
    assert second.snapshots.count() == 1


# --- Blobs ---------------------------------------------------------------------------------------------

SOON = timedelta(days=8)


@pytest.fixture
def blobs(db: None) -> Iterator[None]:
    yield
    for prefix in PREFIXES:
        for digest in list(list_blobs(prefix)):
            default_storage.delete(f"blobs/{prefix}/{digest}")


def is_there(digest: str) -> bool:
    try:
        return bool(read_blob(digest))
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("blobs")
def test_a_blob_that_nobody_refers_to_goes_after_some_days() -> None:
    digest = store_blob(b"nobody's")
    prune_blobs(now=datetime.now(UTC))
    assert is_there(digest)
    prune_blobs(now=datetime.now(UTC) + SOON)
    assert not is_there(digest)


@pytest.mark.usefixtures("blobs")
def test_a_blob_that_any_row_refers_to_stays() -> None:
    digests = {name: store_blob(name.encode()) for name in ("source", "learner", "gradebook", "saved")}
    digests |= {name: store_blob(name.encode()) for name in ("submitted", "feedback")}
    make.LabReleaseFactory.create(
        source_files={"a": digests["source"]},
        learner_files={"a": digests["learner"]},
        gradebook=digests["gradebook"],
    )
    make.SnapshotFactory.create(files={"a": digests["saved"]})
    make.SubmissionFactory.create(files={"a": digests["submitted"]})
    make.FeedbackFactory.create(content=digests["feedback"])
    prune_blobs(now=datetime.now(UTC) + SOON)
    assert [name for name, digest in digests.items() if not is_there(digest)] == []


@pytest.mark.usefixtures("blobs")
def test_a_blob_that_was_stored_again_meanwhile_is_not_deleted() -> None:
    digest = store_blob(b"stored again")
    assert not delete_blob(
        digest, older_than=default_storage.get_modified_time(f"blobs/{digest[:2]}/{digest}")
    )
    assert is_there(digest)


@pytest.mark.usefixtures("blobs")
def test_blobs_are_gone_through_in_slices() -> None:
    digests = sorted(store_blob(bytes([number])) for number in range(64))
    later = datetime.now(UTC) + SOON
    after = prune_blobs(now=later, clock=every_second().__next__)
    assert after == "0"
    assert [digest for digest in digests if is_there(digest)] == [
        digest for digest in digests if digest[0] != "0"
    ]
    while after:
        after = prune_blobs(after, now=later, clock=every_second().__next__)
    assert not any(map(is_there, digests))


@pytest.mark.django_db
def test_digests_are_found_wherever_a_model_keeps_them() -> None:
    """Each field that can hold a digest is read: one that a model gets later too."""
    digest = "0" + "a" * 63
    snapshot: Any = make.SnapshotFactory.create(files={"deep": digest})
    assert digest in find_referenced("0")
    snapshot.delete()
    assert digest not in find_referenced("0")


@pytest.mark.django_db
def test_a_column_of_a_digest_is_found_by_its_first_character() -> None:
    digests = ["0" + "b" * 63, "1" + "b" * 63]
    for digest in digests:
        make.FeedbackFactory.create(content=digest)
    assert digests[0] in find_referenced("0")
    assert digests[1] in find_referenced("1")


@pytest.mark.usefixtures("blobs")
def test_blobs_of_a_snapshot_that_is_pruned_go_with_it() -> None:
    workspace = make.WorkspaceFactory.create()
    files = store_files({"a": b"in an old version only"})
    make.SnapshotFactory.create(workspace=workspace, files=files, created_at=NOW - LATER)
    make.SnapshotFactory.create(workspace=workspace, created_at=NOW)
    prune_snapshots(now=NOW)
    prune_blobs(now=datetime.now(UTC) + SOON)
    assert not is_there(files["a"])


def test_a_night_goes_slice_by_slice_from_snapshots_to_blobs(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(tasks, "publish", lambda task, *args, queue: sent.append((task, *args, queue)))
    for answer in (7, 0):
        monkeypatch.setattr(pruning, "prune_snapshots", lambda _after, answer=answer: answer)
        tasks.prune_snapshots()
    for name in ("3", ""):
        monkeypatch.setattr(pruning, "prune_blobs", lambda _after, name=name: name)
        tasks.prune_blobs()
    assert sent == [
        (tasks.prune_snapshots, 7, "sweeping"),
        (tasks.prune_blobs, "sweeping"),
        (tasks.prune_blobs, "3", "sweeping"),
    ]
