"""A learner's workspace in the lab of ada's course, and versions of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs.blobs import hash_files, store_files
from labs.models import LabUnit, Snapshot, Workspace
from tests.factories import labs as make

RELEASED = {"lab.ipynb": b"blank", "data.csv": b"a;b"}


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    make.HubFactory.create(factory=enrolment.cohort.factory)
    lab_unit = LabUnit.objects.select_related("unit", "release__lab__course").get(
        unit__release=enrolment.cohort.release
    )
    lab_unit.release.number = 1
    lab_unit.release.learner_files = store_files(RELEASED)
    lab_unit.release.save()
    return lab_unit


@pytest.fixture
def workspace(enrolment: Enrolment, lab_unit: LabUnit) -> Workspace:
    return make.WorkspaceFactory.create(owner=enrolment.learner, lab=lab_unit.release.lab)


def save(workspace: Workspace, files: dict[str, bytes], *, minutes_ago: int = 0, **fields: Any) -> Snapshot:
    digests = store_files(files)
    return make.SnapshotFactory.create(
        workspace=workspace,
        files=digests,
        content_hash=hash_files(digests),
        byte_count=sum(map(len, files.values())),
        created_at=timezone.now() - timedelta(minutes=minutes_ago),
        **fields,
    )
