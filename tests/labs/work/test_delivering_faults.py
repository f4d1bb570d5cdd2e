"""Deliveries that meet faults and presses on the way: nothing is lost, whatever fails and wherever a worker dies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from labs.blobs import read_files, store_files
from labs.exceptions import ServerAnswerError
from labs.jupyterhub import FileModel, Listing
from labs.models import LabRelease, LabSession, Snapshot, Workspace
from labs.services.sessions import request_stop
from labs.states import SessionStatus
from labs.work.delivering import DELIVERY_TRIES, deliver_files
from labs.work.workspaces import MAX_BYTES, save_if_changed
from tests.factories import labs as make
from tests.fakes.connections import answering, unreachable
from tests.fakes.hub import FakeContents, FakeServer, SilentContents
from tests.labs.work.conftest import HOUR, RELEASED, Place

pytestmark = pytest.mark.django_db


def test_a_silent_server_is_tried_a_few_times_then_given_up(spawning: LabSession) -> None:
    for _ in range(DELIVERY_TRIES - 1):
        deliver_files(spawning.pk, connect=answering(SilentContents()))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.SPAWNING

    deliver_files(spawning.pk, connect=answering(SilentContents()))
    spawning.refresh_from_db()
    assert (spawning.status, spawning.reason) == (SessionStatus.FAILED, "files_not_delivered")


def test_files_that_we_have_lost_keep_nobody_waiting_for_ever(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files={"lab.ipynb": "0" * 64})
    for _ in range(DELIVERY_TRIES):
        deliver_files(spawning.pk, connect=answering(FakeContents()))
    spawning.refresh_from_db()
    assert (spawning.status, spawning.reason) == (SessionStatus.FAILED, "files_not_delivered")


def test_a_factory_that_does_not_answer_costs_no_try(spawning: LabSession) -> None:
    for _ in range(DELIVERY_TRIES + 1):
        deliver_files(spawning.pk, connect=unreachable)
    spawning.refresh_from_db()
    assert (spawning.status, spawning.delivery_tries) == (SessionStatus.SPAWNING, 0)


def test_a_version_asked_for_during_the_delivery_is_delivered_too(place: Place) -> None:
    place.want({"lab.ipynb": b"first choice"})

    class Slow(FakeContents):
        def replace_file(self, path: str, content: bytes) -> None:
            super().replace_file(path, content)
            if content == b"first choice":
                place.want({"lab.ipynb": b"second choice"})

    disk = Slow(place.on_disk({"lab.ipynb": b"blank"}))
    deliver_files(place.session.pk, connect=answering(disk))
    place.session.refresh_from_db()
    assert (place.session.status, place.session.delivery_claimed_at) == (SessionStatus.SPAWNING, None)
    assert place.deliver(disk)["lab.ipynb"] == b"second choice"


def test_a_session_stopped_meanwhile_delivers_nothing_that_was_wanted(place: Place) -> None:
    wanted = place.want({"lab.ipynb": b"old"})

    class Stopped(FakeContents):
        def replace_file(self, path: str, content: bytes) -> None:
            super().replace_file(path, content)
            request_stop(LabSession.objects.get(), actor=place.session.learner)

    deliver_files(place.session.pk, connect=answering(Stopped()))
    assert place.workspace.wanted == wanted


def test_a_worker_whose_lease_ran_out_writes_over_nothing_that_may_be_open(place: Place) -> None:
    place.want({"a.ipynb": b"old", "lab.ipynb": b"old"})
    disk = FakeContents(place.on_disk({"lab.ipynb": b"blank", "notes.md": b"mine"}))

    class Late(FakeContents):
        """The same disk. Another worker is done, and the learner goes on working, before anything is written."""

        def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
            listed = super().list_files(folder, max_files=max_files, max_depth=max_depth)
            if listed.files and place.workspace.wanted:
                place.deliver(disk)
                disk.files[f"{folder}/lab.ipynb"] = b"gone on"
            return listed

    late = Late()
    late.files = disk.files
    deliver_files(place.session.pk, connect=answering(late))
    assert place.folder_of(disk) == {"a.ipynb": b"old", "lab.ipynb": b"gone on", "data.csv": b"a;b"}


@pytest.mark.parametrize("connect", [unreachable, answering(SilentContents())])
def test_a_delivery_that_fails_after_a_press_on_stop_puts_no_stop_off(
    spawning: LabSession, connect: Callable[[LabSession], Any]
) -> None:
    @contextmanager
    def stopped(session: LabSession) -> Iterator[Any]:
        request_stop(LabSession.objects.get(), actor=session.learner)
        LabSession.objects.update(sent_at=spawning.requested_at)
        with connect(session) as contents:
            yield contents

    deliver_files(spawning.pk, connect=stopped)
    spawning.refresh_from_db()
    assert (spawning.status, spawning.sent_at) == (SessionStatus.STOPPING, spawning.requested_at)


class Heavy(FakeServer):
    """More than can be copied lies on the disk."""

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
        listed = super().list_files(folder, max_files=max_files, max_depth=max_depth)
        heavy = FileModel(path=f"{folder}/model.bin", size=MAX_BYTES, modified_at=None, is_folder=False)
        return replace(listed, files=[*listed.files, heavy])


def test_nothing_is_replaced_on_a_disk_that_cannot_be_copied(place: Place) -> None:
    place.want({"lab.ipynb": b"old", "notes.md": b"mine"})
    after = place.deliver(Heavy(place.on_disk({"lab.ipynb": b"precious", "junk": b"x"})))
    assert after == {"lab.ipynb": b"precious", "junk": b"x", "notes.md": b"mine", "data.csv": b"a;b"}
    assert "disk_not_copied" in place.events()
    assert place.workspace.unsaved_reason == "unsaved_too_large"
    assert place.workspace.wanted is None


def test_a_file_that_cannot_be_read_hinders_no_start_and_is_never_written_over(place: Place) -> None:
    class Unreadable(FakeContents):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            raise ServerAnswerError("answered 403")

    place.save({"lab.ipynb": b"from there"}, hub="there", ago=HOUR)
    disk = Unreadable(place.on_disk({"lab.ipynb": b"mine"}))
    for _ in range(DELIVERY_TRIES - 1):
        deliver_files(place.session.pk, connect=answering(disk))
    assert place.folder_of(disk) == {"lab.ipynb": b"mine"}
    assert place.deliver(disk) == {"lab.ipynb": b"mine", "data.csv": b"a;b"}


class Killed(BaseException):
    """The worker's process ends here."""


class Mortal(FakeContents):
    """A disk whose worker is killed at its `last` call, before or after the call has done its work."""

    def __init__(self, files: dict[str, bytes], last: int, *, is_done: bool) -> None:
        super().__init__(files)
        self.calls, self.last, self.is_done = 0, last, is_done

    def _live(self, act: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls == self.last and not self.is_done:
            raise Killed
        answer = act()
        if self.calls == self.last:
            raise Killed
        return answer

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
        listed = super().list_files
        listing: Listing = self._live(lambda: listed(folder, max_files=max_files, max_depth=max_depth))
        return listing

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        read = super().read_file
        content: bytes = self._live(lambda: read(path, max_bytes=max_bytes))
        return content

    def create_file(self, path: str, content: bytes) -> bool:
        create = super().create_file
        return bool(self._live(lambda: create(path, content)))

    def replace_file(self, path: str, content: bytes) -> None:
        put = super().replace_file
        self._live(lambda: put(path, content))

    def delete_file(self, path: str) -> None:
        delete = super().delete_file
        self._live(lambda: delete(path))


OLD = {"lab.ipynb": b"old", "only-old.py": b"1"}
NEW = {"lab.ipynb": b"new", "only-new.py": b"2", "deleted.py": b"4"}
DISK = {"lab.ipynb": b"unsaved", "only-new.py": b"2", "unsaved.py": b"3"}
OUTCOMES = {
    "wanted": {**OLD, "data.csv": b"a;b"},
    "here": {**DISK, "deleted.py": b"4", "data.csv": b"a;b"},
    "there": {**NEW, "unsaved.py": b"3", "data.csv": b"a;b"},
}


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("case", OUTCOMES)
def test_a_worker_killed_at_any_step_loses_and_doubles_nothing(case: str, *, is_done: bool) -> None:
    last = 0
    while True:
        last += 1
        assert last < 50, "the delivery never came to its end"
        session = make.LabSessionFactory.create(status=SessionStatus.SPAWNING)
        session.release.learner_files = store_files(RELEASED)
        session.release.save()
        place = Place(session)
        place.save(NEW, hub="there" if case == "there" else "here", ago=HOUR)
        if case == "wanted":
            wanted = place.add(OLD, cause=Snapshot.Cause.RESTORE)
            Workspace.objects.filter(pk=session.workspace_id).update(wanted=wanted)
        disk = Mortal(place.on_disk(DISK), last, is_done=is_done)
        try:
            deliver_files(session.pk, connect=answering(disk))
        except Killed:
            after = place.deliver(FakeContents(disk.files))
        else:
            break
        assert after == OUTCOMES[case], f"killed at call {last}"
        assert place.found() == [DISK], f"killed at call {last}"
        assert place.workspace.wanted is None
        save_if_changed(session, FakeServer(place.on_disk(after)))  # type: ignore[arg-type]
        current = place.workspace.current_snapshot
        assert current is not None
        assert read_files(current.files) == OUTCOMES[case]
    assert last > 5
