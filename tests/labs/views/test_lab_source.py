"""The page of a lab's source: who may author it, their session, and what they brought back."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import Cohort, User
from labs.access import authored_cohorts_for
from labs.blobs import store_files
from labs.models import LabDraft, LabSession, LabUnit, Workspace
from labs.states import DraftStatus, SessionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.drafts import PROBLEM, page_of, source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_queue")]


@pytest.mark.parametrize("part", ["", "start", "collect", "reset", "undo"])
def test_nobody_but_instructors_sees_a_source(
    cohort: Cohort, lab_unit: LabUnit, outsiders: list[User], sign_in: Callable[[User], Client], part: str
) -> None:
    for person in outsiders:
        client = sign_in(person)
        ask = client.post if part else client.get
        assert ask(source(cohort, part)).status_code == 404, person
    assert not Workspace.objects.filter(purpose=Workspace.Purpose.AUTHOR).exists()


def test_an_administrator_may_author_and_who_has_both_roles_is_counted_once(
    cohort: Cohort, administrator: User, ben: User, lab_unit: LabUnit, sign_in: Callable[[User], Client]
) -> None:
    assert sign_in(administrator).get(source(cohort)).status_code == 200
    make_courses.FactoryMembershipFactory.create(factory=cohort.factory, user=ben)
    assert list(authored_cohorts_for(ben)) == [cohort]


def test_the_way_to_the_source_is_shown_to_those_who_may_go_it(
    cohort: Cohort, lab_unit: LabUnit, as_ben: Client, staff: User, sign_in: Callable[[User], Client]
) -> None:
    submissions = reverse("labs:cohort-submissions", args=[cohort.public_id, "practise"])
    assert source(cohort) in as_ben.get(submissions).content.decode()
    assert source(cohort) not in sign_in(staff).get(submissions).content.decode()


@pytest.mark.parametrize("part", ["start", "collect", "reset", "undo"])
def test_what_changes_something_is_pressed(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit, part: str
) -> None:
    assert as_ben.get(source(cohort, part)).status_code == 405


def test_a_session_is_started_and_found_again(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    page = as_ben.get(source(cohort)).content.decode()
    assert "Open the source" in page
    assert "Bring back as a draft" not in page

    response = as_ben.post(source(cohort, "start"))
    session = LabSession.objects.get()
    assert response["Location"] == reverse("labs:session", args=[session.public_id])
    assert (session.learner, session.workspace.purpose) == (ben, Workspace.Purpose.AUTHOR)

    LabSession.objects.update(status=SessionStatus.READY, ready_at=timezone.now())
    page = as_ben.get(source(cohort)).content.decode()
    assert response["Location"] in page
    assert "authoring/pipelines/practise" in page
    assert "Bring back as a draft" in page


def test_the_session_of_one_author_is_not_shown_to_another(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit, sign_in: Callable[[User], Client]
) -> None:
    as_ben.post(source(cohort, "start"))
    carol = make_courses.CohortTeamMemberFactory.create(cohort=cohort).user
    session = reverse("labs:session", args=[LabSession.objects.get().public_id])
    assert session not in sign_in(carol).get(source(cohort)).content.decode()
    assert sign_in(carol).get(session).status_code == 404


def test_a_refusal_is_said_on_the_page(as_ben: Client, cohort: Cohort, lab_unit: LabUnit) -> None:
    assert (
        "There is nothing to bring back yet"
        in as_ben.post(source(cohort, "collect"), follow=True).content.decode()
    )
    lab_unit.release.lab.sessions.all().delete()
    cohort.factory.hub.delete()
    assert "no lab service yet" in as_ben.post(source(cohort, "start"), follow=True).content.decode()


def test_an_author_begins_anew_with_what_the_cohort_has(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    release = lab_unit.release
    release.source_files = store_files({"lab.ipynb": b"with a solution"})
    release.save()
    address = source(cohort, "reset")
    assert "There is nothing to reset yet" in as_ben.post(address, follow=True).content.decode()
    learning = make.WorkspaceFactory.create(owner=ben, lab=release.lab)
    authoring = make.WorkspaceFactory.create(owner=ben, lab=release.lab, purpose="author")
    assert "begins anew" in as_ben.post(address, follow=True).content.decode()
    learning.refresh_from_db()
    authoring.refresh_from_db()
    assert authoring.wanted is not None
    assert (authoring.wanted.files, learning.wanted) == (release.source_files, None)


def test_bringing_it_back_leads_to_the_draft(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    make.SnapshotFactory.create(
        workspace__owner=ben, workspace__lab=lab_unit.release.lab, workspace__purpose="author"
    )
    response = as_ben.post(source(cohort, "collect"))
    draft = LabDraft.objects.get()
    assert response["Location"] == page_of(draft)
    page = as_ben.get(page_of(draft)).content.decode()
    assert "Fetching the files from your session" in page
    assert "every 2s" in page


def test_all_drafts_are_listed_but_those_that_were_another_one(
    as_ben: Client, cohort: Cohort, draft: LabDraft
) -> None:
    twin = make.LabDraftFactory.create(
        cohort=cohort, base=draft.base, status=DraftStatus.DISCARDED, same_as=draft, reason="same_draft"
    )
    faulty = make.LabDraftFactory.create(cohort=cohort, base=draft.base, problems=[PROBLEM])
    page = as_ben.get(source(cohort)).content.decode()
    assert page_of(draft) in page
    assert "Ready to release" in page
    assert page_of(faulty) in page
    assert "1 thing to mend" in page
    assert page_of(twin) not in page

    LabUnit.objects.update(release=make.LabReleaseFactory.create(lab=draft.lab))
    page = as_ben.get(source(cohort)).content.decode()
    assert "Ready to release" not in page
    assert "Of an earlier release" in page


def test_the_page_takes_as_many_queries_for_many_drafts_as_for_few(
    as_ben: Client, cohort: Cohort, draft: LabDraft, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    make_courses.CohortMoveFactory.create(cohort=cohort)
    few = count_queries(lambda: as_ben.get(source(cohort)))
    for _ in range(5):
        make.LabDraftFactory.create(
            cohort=cohort, base=draft.base, status=DraftStatus.RELEASED, released=draft.base
        )
        actor = make_courses.UserFactory.create()
        make_courses.CohortMoveFactory.create(cohort=cohort, actor=actor)
    assert count_queries(lambda: as_ben.get(source(cohort))) == few
