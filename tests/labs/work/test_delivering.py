"""What a server is given when it starts: nothing is lost, wherever the work stands and wherever a worker dies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.blobs import store_blob, store_files
from labs.exceptions import HubUnavailableError
from labs.models import LabRelease, LabSession
from labs.states import SessionStatus
from labs.work.delivering import DELIVERY_TRIES, deliver_files
from tests.factories import labs as make
from tests.fakes.hub import FakeContents, SilentContents

pytestmark = pytest.mark.django_db


def workspace(fake: FakeContents) -> Callable[[LabSession], Any]:
    @contextmanager
    def connect(_session: LabSession) -> Iterator[FakeContents]:
        yield fake

    return connect


@contextmanager
def unreachable(_session: LabSession) -> Iterator[Any]:
    raise HubUnavailableError
    yield


@pytest.fixture
def spawning() -> LabSession:
    session = make.LabSessionFactory.create(status=SessionStatus.SPAWNING, asked_at=timezone.now())
    session.release.learner_files = store_files({"lab.ipynb": b"blank", "data.csv": b"a;b"})
    session.release.save()
    return session


def test_the_files_of_the_release_make_a_session_ready(spawning: LabSession) -> None:
    fake, folder = FakeContents(), spawning.workspace.folder
    deliver_files(spawning.pk, connect=workspace(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{folder}/lab.ipynb": b"blank", f"{folder}/data.csv": b"a;b"}


def test_what_stands_in_the_workspace_is_never_written_over(spawning: LabSession) -> None:
    path = f"{spawning.workspace.folder}/lab.ipynb"
    fake = FakeContents({path: b"half done"})
    deliver_files(spawning.pk, connect=workspace(fake))
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
    deliver_files(spawning.pk, connect=workspace(fake))
    assert fake.files == {f"{folder}/lab.ipynb": b"saved", f"{folder}/data.csv": b"a;b"}


def test_what_the_learner_made_of_a_folder_comes_before_the_release(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files=store_files({"data/sales.csv": b"a;b"}))
    make.SnapshotFactory.create(
        workspace__owner=spawning.learner, workspace__lab=spawning.lab, files=store_files({"data": b"mine"})
    )
    fake = FakeContents()
    deliver_files(spawning.pk, connect=workspace(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{spawning.workspace.folder}/data": b"mine"}


def test_a_silent_server_is_tried_a_few_times_then_given_up(spawning: LabSession) -> None:
    for _ in range(DELIVERY_TRIES - 1):
        deliver_files(spawning.pk, connect=workspace(SilentContents()))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.SPAWNING

    deliver_files(spawning.pk, connect=workspace(SilentContents()))
    spawning.refresh_from_db()
    assert (spawning.status, spawning.reason) == (SessionStatus.FAILED, "files_not_delivered")


def test_files_that_we_have_lost_keep_nobody_waiting_for_ever(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files={"lab.ipynb": "0" * 64})
    for _ in range(DELIVERY_TRIES):
        deliver_files(spawning.pk, connect=workspace(FakeContents()))
    spawning.refresh_from_db()
    assert (spawning.status, spawning.reason) == (SessionStatus.FAILED, "files_not_delivered")


def test_a_file_in_the_place_of_a_folder_locks_nobody_out(spawning: LabSession) -> None:
    LabRelease.objects.update(learner_files=store_files({"data/sales.csv": b"a;b", "lab.ipynb": b"blank"}))
    folder = spawning.workspace.folder
    fake = FakeContents({f"{folder}/data": b"mine"})
    deliver_files(spawning.pk, connect=workspace(fake))
    spawning.refresh_from_db()
    assert spawning.status == SessionStatus.READY
    assert fake.files == {f"{folder}/data": b"mine", f"{folder}/lab.ipynb": b"blank"}


def test_a_factory_that_does_not_answer_costs_no_try(spawning: LabSession) -> None:
    for _ in range(DELIVERY_TRIES + 1):
        deliver_files(spawning.pk, connect=unreachable)
    spawning.refresh_from_db()
    assert (spawning.status, spawning.delivery_tries) == (SessionStatus.SPAWNING, 0)
