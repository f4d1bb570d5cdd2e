"""Putting a newer release's files beside a learner's: never over one, and never twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Cohort
from labs.blobs import store_files
from labs.models import LabRelease, LabSession
from labs.states import SessionStatus
from labs.work.new_files import Decision, find_wanted_files, note_decision, put_new_files
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.fakes.connections import answering, unreachable
from tests.fakes.hub import FakeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    """A session of the first release that runs."""
    session = make.LabSessionFactory.create(
        status=SessionStatus.READY, ready_at=timezone.now() - timedelta(hours=1)
    )
    files = store_files({"data/lab.ipynb": b"blank", "same.csv": b"a"})
    LabRelease.objects.update(number=1, learner_files=files)
    session.release.refresh_from_db()
    return session


@pytest.fixture
def newer(session: LabSession) -> LabRelease:
    """What the learner has asked for."""
    files = store_files({"data/lab.ipynb": b"blank 2", "same.csv": b"a", "extra.py": b"more"})
    newer = make.LabReleaseFactory.create(lab=session.lab, learner_files=files, number=3)
    make.LabUnitFactory.create(unit__release=cohort_of(session).release, release=newer)
    note_decision(session, Decision.WANTED, newer, actor=session.learner)
    return newer


def cohort_of(session: LabSession) -> Cohort:
    assert session.enrolment is not None
    return session.enrolment.cohort


def put(session: LabSession, files: dict[str, bytes]) -> dict[str, bytes]:
    folder = session.workspace.folder
    disk = FakeServer({f"{folder}/{path}": content for path, content in files.items()})
    put_new_files(session.pk, connect=answering(disk))
    return {path.removeprefix(f"{folder}/"): content for path, content in disk.files.items()}


MINE = {"data/lab.ipynb": b"mine", "same.csv": b"a"}
BESIDE = {"data/lab (release 3).ipynb": b"blank 2"}


@pytest.mark.usefixtures("newer")
def test_new_files_are_put_beside_the_learners(session: LabSession) -> None:
    assert put(session, MINE) == {**MINE, **BESIDE, "extra.py": b"more"}
    assert find_wanted_files(session.workspace) is None
    assert session.events.last().reason == "new_files_placed.3"  # type: ignore[union-attr]
    assert session.workspace.snapshots.get().files.keys() == {*MINE, *BESIDE, "extra.py"}


@pytest.mark.usefixtures("newer")
def test_a_file_of_the_learners_own_by_a_new_name_stays(session: LabSession) -> None:
    mine = {**MINE, "extra.py": b"my own"}
    assert put(session, mine) == {**mine, **BESIDE, "extra (release 3).py": b"more"}


@pytest.mark.usefixtures("newer")
def test_what_an_earlier_try_has_put_there_is_not_put_again(session: LabSession) -> None:
    done = {**MINE, **BESIDE, "extra.py": b"more"}
    assert put(session, done) == done


@pytest.mark.usefixtures("newer")
def test_a_folder_in_the_way_costs_one_file_only(session: LabSession) -> None:
    mine = {"data": b"a file", "same.csv": b"a"}
    assert put(session, mine) == {**mine, "extra.py": b"more"}


@pytest.mark.usefixtures("newer")
def test_a_factory_that_does_not_answer_leaves_them_wanted(session: LabSession) -> None:
    put_new_files(session.pk, connect=unreachable)
    assert find_wanted_files(session.workspace) is not None


@pytest.mark.usefixtures("newer")
def test_nothing_is_put_of_a_release_that_was_taken_back(session: LabSession) -> None:
    Cohort.objects.update(release=make_courses.CourseReleaseFactory.create())
    assert put(session, MINE) == MINE


def test_nothing_is_put_that_nobody_asked_for(session: LabSession) -> None:
    make.LabReleaseFactory.create(lab=session.lab, learner_files=store_files({"new.py": b""}))
    assert put(session, MINE) == MINE


@pytest.mark.usefixtures("newer")
def test_a_session_that_does_not_run_is_left_alone(session: LabSession) -> None:
    LabSession.objects.update(status=SessionStatus.STOPPING)
    assert put(session, MINE) == MINE
