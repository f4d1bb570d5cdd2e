"""What a server is given when it starts, and what wins: what was asked for, the disk, or the newest snapshot."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labs.blobs import store_blob, store_files
from labs.jupyterhub import FileModel
from labs.models import LabRelease, LabSession, Snapshot, Workspace
from labs.states import SessionStatus
from labs.work.delivering import deliver_files
from labs.work.new_files import Decision, note_decision
from tests.factories import labs as make
from tests.fakes.connections import answering
from tests.fakes.hub import FakeContents
from tests.labs.work.conftest import HOUR, Place

pytestmark = pytest.mark.django_db


def test_the_files_of_the_release_make_a_session_ready(spawning: LabSession) -> None:
    fake, folder = FakeContents(), spawning.workspace.folder
    deliver_files(spawning.pk, connect=answering(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{folder}/lab.ipynb": b"blank", f"{folder}/data.csv": b"a;b"}


def test_what_stands_in_the_workspace_is_never_written_over(spawning: LabSession) -> None:
    path = f"{spawning.workspace.folder}/lab.ipynb"
    fake = FakeContents({path: b"half done"})
    deliver_files(spawning.pk, connect=answering(fake))
    assert fake.files[path] == b"half done"


def test_an_empty_workspace_gets_the_newest_snapshot(spawning: LabSession) -> None:
    make.SnapshotFactory.create(
        workspace__owner=spawning.learner,
        workspace__lab=spawning.lab,
        created_at=timezone.now() - timedelta(hours=1),
        files={"lab.ipynb": store_blob(b"older")},
    )
    make.SnapshotFactory.create(
        workspace__owner=spawning.learner,
        workspace__lab=spawning.lab,
        files={"lab.ipynb": store_blob(b"saved")},
    )
    fake, folder = FakeContents(), spawning.workspace.folder
    deliver_files(spawning.pk, connect=answering(fake))
    assert fake.files == {f"{folder}/lab.ipynb": b"saved", f"{folder}/data.csv": b"a;b"}


def test_what_the_learner_made_of_a_folder_comes_before_the_release(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files=store_files({"data/sales.csv": b"a;b"}))
    make.SnapshotFactory.create(
        workspace__owner=spawning.learner, workspace__lab=spawning.lab, files=store_files({"data": b"mine"})
    )
    fake = FakeContents()
    deliver_files(spawning.pk, connect=answering(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{spawning.workspace.folder}/data": b"mine"}


def test_a_file_in_the_place_of_a_folder_locks_nobody_out(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files=store_files({"data/sales.csv": b"a;b", "lab.ipynb": b"blank"}))
    folder = spawning.workspace.folder
    fake = FakeContents({f"{folder}/data": b"mine"})
    deliver_files(spawning.pk, connect=answering(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{folder}/data": b"mine", f"{folder}/lab.ipynb": b"blank"}


def test_work_after_the_last_snapshot_at_this_hub_wins_and_is_kept(place: Place) -> None:
    place.save({"lab.ipynb": b"saved", "plot.png": b"png"}, hub="here", ago=HOUR)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"later"})))
    assert after == {"lab.ipynb": b"later", "plot.png": b"png", "data.csv": b"a;b"}
    assert place.found() == [{"lab.ipynb": b"later"}]
    current = place.workspace.current_snapshot
    assert current is not None
    assert current.cause == Snapshot.Cause.FOUND
    assert "work_found" in place.events()


def test_newer_work_from_the_other_factory_replaces_the_disk_whose_own_is_kept(place: Place) -> None:
    place.save({"lab.ipynb": b"first"}, hub="here", ago=2 * HOUR)
    newest = place.save({"lab.ipynb": b"second", "mine.py": b"1"}, hub="there", ago=HOUR)
    disk = FakeContents(place.on_disk({"lab.ipynb": b"first, and a bit", "extra.txt": b"more"}))
    after = place.deliver(disk)
    assert after == {"lab.ipynb": b"second", "mine.py": b"1", "extra.txt": b"more", "data.csv": b"a;b"}
    assert place.found() == [{"lab.ipynb": b"first, and a bit", "extra.txt": b"more"}]
    assert place.workspace.current_snapshot == newest


def test_an_older_disk_of_another_account_at_the_same_factory_does_not_win(place: Place) -> None:
    place.save({"lab.ipynb": b"first"}, hub="here", ago=2 * HOUR)
    newest = place.save({"lab.ipynb": b"second"}, hub="here", ago=HOUR)
    account = make.FactoryAccountFactory.create(hub=place.session.hub)
    LabSession.objects.filter(snapshots=newest).update(account=account)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"first"})))
    assert after["lab.ipynb"] == b"second"


def test_a_disk_that_is_all_known_makes_no_snapshot(place: Place) -> None:
    place.save({"lab.ipynb": b"first"}, hub="here", ago=2 * HOUR)
    place.save({"lab.ipynb": b"second"}, hub="there", ago=HOUR)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"first", "data.csv": b"a;b"})))
    assert after == {"lab.ipynb": b"second", "data.csv": b"a;b"}
    assert place.found() == []


def test_work_that_no_session_here_has_saved_is_kept_before_it_is_replaced(place: Place) -> None:
    place.save({"lab.ipynb": b"from there"}, hub="there", ago=HOUR)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"a stranger"})))
    assert after["lab.ipynb"] == b"from there"
    assert place.found() == [{"lab.ipynb": b"a stranger"}]


def test_a_restore_replaces_all_and_what_stood_there_is_kept(place: Place) -> None:
    place.save({"lab.ipynb": b"new", "wrong.py": b"x"}, hub="here", ago=HOUR)
    wanted = place.want({"lab.ipynb": b"old"})
    place.save({"lab.ipynb": b"new", "wrong.py": b"x"}, hub="here", ago=timedelta())  # by the stop before
    disk = FakeContents(place.on_disk({"lab.ipynb": b"newer", "wrong.py": b"x", "data.csv": b"changed"}))
    after = place.deliver(disk)
    assert after == {"lab.ipynb": b"old", "data.csv": b"a;b"}
    assert place.found() == [{"lab.ipynb": b"newer", "wrong.py": b"x", "data.csv": b"changed"}]
    assert place.workspace.wanted is None
    current = place.workspace.current_snapshot
    assert current == wanted
    assert current.session == place.session


def test_after_a_restore_the_disk_wins_at_the_next_start_here(place: Place) -> None:
    place.save({"lab.ipynb": b"new"}, hub="here", ago=HOUR)
    place.want({"lab.ipynb": b"old"})
    disk = FakeContents(place.on_disk({"lab.ipynb": b"new"}))
    place.deliver(disk)
    disk.files.update(place.on_disk({"lab.ipynb": b"old, and on"}))
    LabSession.objects.filter(pk=place.session.pk).update(status=SessionStatus.FAILED)
    again = make.LabSessionFactory.create(
        enrolment=place.session.enrolment,
        release=place.session.release,
        hub=place.session.hub,
        status=SessionStatus.SPAWNING,
    )
    assert Place(again).deliver(disk)["lab.ipynb"] == b"old, and on"


def test_a_folder_in_the_place_of_a_file_stays_and_is_said(place: Place) -> None:
    place.want({"data": b"a file", "lab.ipynb": b"old"})
    after = place.deliver(FakeContents(place.on_disk({"data/.keep": b""})))
    assert after["lab.ipynb"] == b"old"
    deeper = FakeContents(place.on_disk({"data/mine.csv": b"1"}))

    class Folders(FakeContents):
        """As on a disk, a folder stays when its last file is gone."""

        def find_file(self, path: str) -> FileModel | None:
            if path.endswith("/data"):
                return FileModel(path=path, size=0, modified_at=None, is_folder=True)
            return super().find_file(path)

    LabSession.objects.update(status=SessionStatus.SPAWNING)
    place.want({"data": b"a file", "lab.ipynb": b"older"})
    after = place.deliver(Folders(deeper.files))
    assert after["lab.ipynb"] == b"older"
    assert "file_left_out" in place.events()


def test_an_author_gets_the_source(spawning: LabSession) -> None:
    LabRelease.objects.update(source_files=store_files({"source/lab.ipynb": b"with solutions"}))
    Workspace.objects.update(purpose=Workspace.Purpose.AUTHOR)
    assert Place(spawning).deliver(FakeContents()) == {"source/lab.ipynb": b"with solutions"}


def test_a_session_that_is_ready_knows_when_its_time_is_over(place: Place) -> None:
    place.deliver(FakeContents())
    ready_at, ends_at = place.session.ready_at, place.session.ends_at
    assert ready_at is not None
    assert ends_at is not None
    assert ends_at - ready_at == timedelta(minutes=place.session.minutes)
    assert place.session.active_at == ready_at


def test_new_files_that_were_asked_for_come_at_the_next_start(place: Place) -> None:
    place.save({"lab.ipynb": b"mine"}, hub="here", ago=HOUR)
    earlier = LabSession.objects.exclude(pk=place.session.pk).get()
    LabSession.objects.filter(pk=earlier.pk).update(ready_at=timezone.now() - HOUR)
    newer = make.LabReleaseFactory.create(
        lab=place.session.lab,
        learner_files=store_files({"lab.ipynb": b"blank 2", "data.csv": b"a;b", "n.py": b""}),
    )
    LabSession.objects.filter(pk=place.session.pk).update(release=newer)
    assert earlier.enrolment is not None
    make.LabUnitFactory.create(unit__release=earlier.enrolment.cohort.release, release=newer)
    note_decision(earlier, Decision.WANTED, newer)
    after = place.deliver(FakeContents(place.on_disk({"lab.ipynb": b"mine", "data.csv": b"a;b"})))
    beside = f"lab (release {newer.number}).ipynb"
    assert after == {"lab.ipynb": b"mine", "data.csv": b"a;b", "n.py": b"", beside: b"blank 2"}
    assert f"new_files_placed.{newer.number}" in place.events()
