"""Sessions in a state, one that is about to get its files with its disk, and places where a cohort's lab can run."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs.blobs import hash_files, read_files, store_files
from labs.jupyterhub import ServerModel
from labs.models import Flavour, Hub, LabRelease, LabSession, LabUnit, Snapshot, Workspace
from labs.states import SessionStatus
from labs.work.delivering import deliver_files
from tests.factories import labs as make
from tests.fakes.connections import answering
from tests.fakes.hub import FakeContents

HOUR = timedelta(hours=1)
LONG_AGO = timedelta(minutes=5)
RELEASED = {"lab.ipynb": b"blank", "data.csv": b"a;b"}


def session_in(status: SessionStatus, now: datetime, **fields: Any) -> LabSession:
    long_ago = now - LONG_AGO
    times = {"requested_at": long_ago, "sent_at": long_ago, **fields}
    return make.LabSessionFactory.create(status=status, **times)


def server_of(session: LabSession, *, is_ready: bool = False, pending: str = "") -> ServerModel:
    return ServerModel(
        user=session.learner.hub_name,
        name=session.server_name,
        is_ready=is_ready,
        pending=pending,
        started_at=None,
        last_activity_at=None,
        url_path=session.url_path,
    )


@dataclass
class Place:
    """A workspace with a session that is about to get its files, at one of two hubs."""

    session: LabSession

    @property
    def workspace(self) -> Workspace:
        return Workspace.objects.get(pk=self.session.workspace_id)

    def save(self, files: dict[str, bytes], *, hub: str, ago: timedelta) -> Snapshot:
        """A snapshot that an earlier session left, at this session's hub ("here") or at another one ("there")."""
        other = make.HubFactory.create() if hub == "there" else self.session.hub
        earlier = make.LabSessionFactory.create(
            enrolment=self.session.enrolment, release=self.session.release, hub=other, status="stopped"
        )
        return self.add(files, session=earlier, created_at=timezone.now() - ago)

    def want(self, files: dict[str, bytes], cause: Snapshot.Cause = Snapshot.Cause.RESTORE) -> Snapshot:
        wanted = self.add(files, cause=cause)
        Workspace.objects.update(wanted=wanted)
        return wanted

    def add(self, files: dict[str, bytes], **fields: Any) -> Snapshot:
        digests = store_files(files)
        return make.SnapshotFactory.create(
            workspace=self.workspace, files=digests, content_hash=hash_files(digests), **fields
        )

    def on_disk(self, files: dict[str, bytes]) -> dict[str, bytes]:
        return {f"{self.workspace.folder}/{path}": content for path, content in files.items()}

    def deliver(self, disk: FakeContents) -> dict[str, bytes]:
        """The lab's folder after a delivery that made the session ready."""
        deliver_files(self.session.pk, connect=answering(disk))
        self.session.refresh_from_db()
        assert self.session.status == SessionStatus.READY
        return self.folder_of(disk)

    def folder_of(self, disk: FakeContents) -> dict[str, bytes]:
        return {
            path.removeprefix(f"{self.workspace.folder}/"): content for path, content in disk.files.items()
        }

    def events(self) -> list[str]:
        return [event.reason for event in self.session.events.all()]

    def found(self) -> list[dict[str, bytes]]:
        found = self.workspace.snapshots.filter(cause=Snapshot.Cause.FOUND)
        return [read_files(snapshot.files) for snapshot in found]


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy with other things a fake answers slowly too, and the next sweep would let it rest."""
    monkeypatch.setattr("labs.work.reconciling.find_rest", lambda _answer_took, _now: None)


@pytest.fixture
def spawning() -> LabSession:
    session = make.LabSessionFactory.create(status=SessionStatus.SPAWNING, asked_at=timezone.now())
    session.release.learner_files = store_files(RELEASED)
    session.release.save()
    return session


@pytest.fixture
def place(spawning: LabSession) -> Place:
    return Place(spawning)


@pytest.fixture
def hub(enrolment: Enrolment) -> Hub:
    return make.HubFactory.create(
        factory=enrolment.cohort.factory, has_slurm=True, slurm_answered_at=timezone.now()
    )


@pytest.fixture
def lab(enrolment: Enrolment, hub: Hub) -> LabRelease:
    release = LabUnit.objects.get(unit__release=enrolment.cohort.release).release
    release.needs = {"gpus": 1, "memory_gb": 32, "minutes": 120}
    release.save()
    make.FactoryAccountFactory.create(hub=hub)
    return release


@pytest.fixture
def allow(enrolment: Enrolment, hub: Hub) -> Callable[..., Flavour]:
    """Give the cohort a flavour of a partition of its own."""

    def allow(*, wait: int | None = 0, at: Hub | None = None, **fields: Any) -> Flavour:
        size = {
            name: fields.pop(name)
            for name in ("gpus", "memory_gb", "weight", "minutes_max")
            if name in fields
        }
        flavour = make.FlavourFactory.create(partition__hub=at or hub, expected_wait_seconds=wait, **size)
        make.AllocationFactory.create(
            cohort=enrolment.cohort, partition=flavour.partition, flavours=[flavour], **fields
        )
        return flavour

    return allow


@pytest.fixture
def athens(enrolment: Enrolment) -> Hub:
    hub = make.HubFactory.create(has_slurm=True, slurm_answered_at=timezone.now())
    make.FactoryAccountFactory.create(hub=hub)
    return hub
