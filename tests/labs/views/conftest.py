"""What the pages of labs are looked at with: the lab of ada's course, and rows of it in the states that matter."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import Cohort, CohortTeamMember, Enrolment, User
from labs import tasks
from labs.blobs import store_blob
from labs.models import Hub, LabDraft, LabSession, LabUnit, Submission
from labs.states import SessionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.drafts import COMPARISON

MakeSession = Callable[..., LabSession]
MakeSubmission = Callable[..., Submission]


def session_page(session: LabSession, part: str = "") -> str:
    return f"/labs/sessions/{session.public_id}/{part}"


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    make.HubFactory.create(factory=enrolment.cohort.factory)
    return LabUnit.objects.select_related("unit", "release__lab__course").get(
        unit__release=enrolment.cohort.release
    )


@pytest.fixture
def address(enrolment: Enrolment, lab_unit: LabUnit) -> str:
    """The page of the lab's unit."""
    return f"/learn/{enrolment.cohort.public_id}/{lab_unit.unit.slug}/"


@pytest.fixture
def make_session(enrolment: Enrolment, lab_unit: LabUnit) -> MakeSession:
    def make_session(status: SessionStatus = SessionStatus.READY, **fields: Any) -> LabSession:
        now = timezone.now()
        if status == SessionStatus.READY:
            fields = {"asked_at": now, "delivery_claimed_at": now, "ready_at": now, **fields}
        session: LabSession = make.LabSessionFactory.create(
            enrolment=enrolment, release=lab_unit.release, status=status, **fields
        )
        return session

    return make_session


@pytest.fixture
def make_submission(enrolment: Enrolment, lab_unit: LabUnit) -> MakeSubmission:
    def make_submission(**fields: Any) -> Submission:
        submission: Submission = make.SubmissionFactory.create(
            **{"enrolment": enrolment, "release": lab_unit.release, **fields}
        )
        return submission

    return make_submission


@pytest.fixture
def crowd(enrolment: Enrolment, lab_unit: LabUnit) -> LabSession:
    """Ada's session in another lab, where the factory lets a person have one."""
    Hub.objects.update(sessions_per_learner=1)
    other = make_courses.UnitFactory.create(
        module=lab_unit.unit.module, slug="serve", kind="lab", position=9, text__title="Serve a model"
    )
    release = make.LabUnitFactory.create(unit=other).release
    session: LabSession = make.LabSessionFactory.create(
        enrolment=enrolment, release=release, status=SessionStatus.READY
    )
    return session


@pytest.fixture
def draft(lab_unit: LabUnit, cohort: Cohort, ben: User) -> LabDraft:
    """Checked, with nothing wrong."""
    return make.LabDraftFactory.create(
        cohort=cohort,
        base=lab_unit.release,
        author=ben,
        comparison=store_blob(json.dumps(COMPARISON).encode()),
    )


@pytest.fixture
def outsiders(cohort: Cohort, ada: User, eve: User, staff: User, enrolment: Enrolment) -> list[User]:
    """A learner of the cohort, an assistant, the factory's staff, another cohort's instructor, a stranger."""
    assistant = make_courses.UserFactory.create()
    CohortTeamMember.objects.create(cohort=cohort, user=assistant, role=CohortTeamMember.Role.ASSISTANT)
    elsewhere = make_courses.CohortTeamMemberFactory.create(cohort__release=cohort.release).user
    return [ada, assistant, staff, elsewhere, eve]


@pytest.fixture
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("send_start", "send_draft_collect", "send_draft_check", "send_draft_release"):
        monkeypatch.setattr(tasks, name, lambda *_: None)


@pytest.fixture
def as_ada(ada: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(ada)


@pytest.fixture
def as_ben(ben: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(ben)


@pytest.fixture
def as_eve(eve: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(eve)
