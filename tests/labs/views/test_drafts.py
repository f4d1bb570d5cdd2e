"""The pages of a lab's source and of its drafts, and who may see them."""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import Cohort, CohortTeamMember, Enrolment, User
from labs import tasks
from labs.access import authored_cohorts_for
from labs.blobs import store_blob, store_files
from labs.models import LabDraft, LabSession, LabUnit, Workspace
from labs.nbgrader import checking
from labs.states import DraftStatus, SessionStatus
from labs.views.draft_words import ADVICE, describe_changes, list_findings
from labs.work.releasing import release_draft
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

CELL = {
    "change": "changed",
    "is_moved": False,
    "name": "mean",
    "name_before": "mean",
    "cell_type": "code",
    "number_before": 2,
    "number_after": 2,
    "kind_before": "solution",
    "kind_after": "tests",
    "points_before": None,
    "points_after": 3.0,
    "tags_before": [],
    "tags_after": [],
    "lines": [["-", "<b>old</b>"], ["+", "new"], ["…", ""], [" ", "same"]],
    "is_cut": False,
}
COMPARISON = {
    "points_before": 3.0,
    "points_after": 5.0,
    "notebooks": [
        {
            "path": "lab.ipynb",
            "change": "changed",
            "points_before": 3.0,
            "points_after": 5.0,
            "kernel_before": "python3",
            "kernel_after": "python3",
            "cells": [CELL],
            "same_count": 4,
            "is_cut": False,
        }
    ],
    "files": [{"path": "data.csv", "change": "added", "bytes_before": None, "bytes_after": 2048}],
}
PROBLEM = {
    "notebook": "lab.ipynb",
    "cell": 2,
    "line": 41,
    "code": "duplicate_grade_id",
    "message": "The grade id <i>mean</i> is used by 2 cells.",
    "cell_name": "mean",
}


@pytest.fixture(autouse=True)
def _queue(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("send_start", "send_draft_collect", "send_draft_check", "send_draft_release"):
        monkeypatch.setattr(tasks, name, lambda *_: None)


@pytest.fixture
def draft(lab_unit: LabUnit, cohort: Cohort, ben: User) -> LabDraft:
    """Checked, with nothing wrong."""
    return make.LabDraftFactory.create(
        cohort=cohort,
        base=lab_unit.release,
        author=ben,
        comparison=store_blob(json.dumps(COMPARISON).encode()),
    )


def source(cohort: Cohort, part: str = "") -> str:
    name = f"labs:source-{part}" if part else "labs:source"
    return reverse(name, args=[cohort.public_id, "practise"])


def page_of(draft: LabDraft, part: str = "") -> str:
    name = f"labs:draft-{part}" if part else "labs:draft"
    return reverse(name, args=[draft.public_id])


# --- Who ------------------------------------------------------------------------------------------


@pytest.fixture
def outsiders(cohort: Cohort, ada: User, eve: User, staff: User, enrolment: Enrolment) -> list[User]:
    """A learner of the cohort, an assistant, the factory's staff, another cohort's instructor, a stranger."""
    assistant = make_courses.UserFactory.create()
    CohortTeamMember.objects.create(cohort=cohort, user=assistant, role=CohortTeamMember.Role.ASSISTANT)
    elsewhere = make_courses.CohortTeamMemberFactory.create(cohort__release=cohort.release).user
    return [ada, assistant, staff, elsewhere, eve]


@pytest.mark.parametrize("part", ["", "start", "collect", "reset", "undo"])
def test_nobody_but_instructors_sees_a_source(
    cohort: Cohort, lab_unit: LabUnit, outsiders: list[User], sign_in: Callable[[User], Client], part: str
) -> None:
    for person in outsiders:
        client = sign_in(person)
        ask = client.post if part else client.get
        assert ask(source(cohort, part)).status_code == 404, person
    assert not Workspace.objects.filter(purpose=Workspace.Purpose.AUTHOR).exists()


@pytest.mark.parametrize("part", ["", "status", "release", "again", "discard"])
def test_nobody_but_instructors_sees_a_draft(
    draft: LabDraft, outsiders: list[User], sign_in: Callable[[User], Client], part: str
) -> None:
    for person in outsiders:
        client = sign_in(person)
        ask = client.get if part in {"", "status"} else client.post
        assert ask(page_of(draft, part)).status_code == 404, person
    draft.refresh_from_db()
    assert draft.status == DraftStatus.CHECKED


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


# --- The source -----------------------------------------------------------------------------------


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


# --- A draft --------------------------------------------------------------------------------------


def test_a_draft_that_was_another_one_leads_to_it(as_ben: Client, draft: LabDraft) -> None:
    fields = {"status": DraftStatus.DISCARDED, "same_as": draft, "reason": "same_draft"}
    twin = make.LabDraftFactory.create(cohort=draft.cohort, base=draft.base, **fields)
    response = as_ben.get(page_of(twin), follow=True)
    assert response.redirect_chain == [(page_of(draft), 302)]
    assert "These files were brought back already" in response.content.decode()
    assert as_ben.get(page_of(twin, "status"))["HX-Redirect"] == page_of(twin)


def test_findings_name_their_cell_and_what_to_do_and_there_is_no_way_to_release(
    as_ben: Client, draft: LabDraft
) -> None:
    LabDraft.objects.update(problems=[PROBLEM])
    page = as_ben.get(page_of(draft)).content.decode()
    assert "<code>mean</code>" in page
    assert "lab.ipynb, cell 3, line 41 of the file" in page
    assert "The grade id &lt;i&gt;mean&lt;/i&gt; is used by 2 cells." in page
    assert "give it an ID of its own" in page
    assert page_of(draft, "release") not in page
    as_ben.post(page_of(draft, "release"))
    draft.refresh_from_db()
    assert draft.status == DraftStatus.CHECKED


def test_what_changes_is_shown_and_escaped(as_ben: Client, draft: LabDraft) -> None:
    page = as_ben.get(page_of(draft)).content.decode()
    assert "3 points, now 5 points" in page
    assert "Autograded answer, now Autograded tests" in page
    assert "&lt;b&gt;old&lt;/b&gt;" in page
    assert "4 cells stay as they are." in page
    assert "data.csv" in page


def test_the_question_names_the_cohort_and_how_many_have_begun(
    as_ben: Client, draft: LabDraft, enrolment: Enrolment
) -> None:
    page = as_ben.get(page_of(draft)).content.decode()
    assert page.count("Nobody in Autumn has begun the lab yet.") == 1
    make.WorkspaceFactory.create(owner=enrolment.learner, lab=draft.lab)
    page = as_ben.get(page_of(draft)).content.decode()
    assert "1 of 1 learners of Autumn has begun the lab." in page
    assert "Autumn gets the new release of the lab now. 1 learner has begun it" in page


def test_release_and_undo_by_their_buttons(as_ben: Client, cohort: Cohort, draft: LabDraft) -> None:
    before = cohort.release
    as_ben.post(page_of(draft, "release"))
    assert "every 2s" in as_ben.get(page_of(draft)).content.decode()
    release_draft(draft.pk)
    response = as_ben.get(page_of(draft, "status"))
    assert response.status_code == 286
    assert "got it as release" in response.content.decode()

    page = as_ben.get(source(cohort)).content.decode()
    move = cohort.moves.get()
    assert str(move.public_id) in page
    undone = as_ben.post(source(cohort, "undo"), {"move": move.public_id}, follow=True).content.decode()
    assert f"Autumn has release {before.number} of the course again." in undone
    cohort.refresh_from_db()
    assert cohort.release == before
    Cohort.objects.update(release=move.after)  # not by way of Paja
    assert "move-undo" not in as_ben.get(source(cohort)).content.decode()
    Cohort.objects.update(release=before)
    assert "By now the cohort has another release." in as_ben.get(page_of(draft)).content.decode()


def test_the_move_of_another_cohort_is_not_taken_back(
    as_ben: Client, cohort: Cohort, lab_unit: LabUnit
) -> None:
    theirs = make_courses.CohortMoveFactory.create()
    assert as_ben.post(source(cohort, "undo"), {"move": theirs.public_id}).status_code == 404
    assert as_ben.post(source(cohort, "undo"), {"move": "nothing"}).status_code == 400


def test_a_draft_that_the_cohort_has_left_behind_is_offered_anew(as_ben: Client, draft: LabDraft) -> None:
    files = {"lab.ipynb": "9" * 64}
    theirs = make.LabDraftFactory.create(cohort=draft.cohort, base=draft.base, files=files)
    as_ben.post(page_of(theirs, "release"))
    release_draft(theirs.pk)

    page = as_ben.get(page_of(draft)).content.decode()
    assert "The cohort has another release by now" in page
    assert page_of(draft, "release") not in page
    assert (
        "has gone over to another release"
        in as_ben.post(page_of(draft, "release"), follow=True).content.decode()
    )
    response = as_ben.post(page_of(draft, "again"))
    again = LabDraft.objects.exclude(pk__in=[draft.pk, theirs.pk]).get()
    assert response["Location"] == page_of(again)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": DraftStatus.CHECKING}, "Checking and running the notebooks"),
        ({"status": DraftStatus.CHECKING, "reason": "box_unavailable"}, "The check cannot run at the moment"),
        ({"status": DraftStatus.RELEASING}, "Making the release"),
        (
            {"status": DraftStatus.FAILED, "reason": "draft_too_large", "files": {}},
            "holds more than a lab may",
        ),
        ({"status": DraftStatus.FAILED, "reason": "draft_unchanged"}, "Nothing has changed"),
        ({"status": DraftStatus.FAILED, "reason": "draft_not_checked"}, "Check these files again"),
        ({"status": DraftStatus.DISCARDED, "reason": "draft_discarded"}, "Nobody needs this draft any more"),
    ],
)
def test_a_draft_says_where_it_is(
    as_ben: Client, draft: LabDraft, fields: dict[str, Any], words: str
) -> None:
    LabDraft.objects.update(**fields)
    assert words in as_ben.get(page_of(draft)).content.decode()


def test_a_draft_is_discarded_by_its_button(as_ben: Client, cohort: Cohort, draft: LabDraft) -> None:
    assert as_ben.post(page_of(draft, "discard"))["Location"] == source(cohort)
    draft.refresh_from_db()
    assert draft.status == DraftStatus.DISCARDED


def test_polling_ends_when_the_check_does(as_ben: Client, draft: LabDraft) -> None:
    LabDraft.objects.update(status=DraftStatus.CHECKING)
    version = as_ben.get(page_of(draft)).context["version"]
    assert as_ben.get(page_of(draft, "status"), {"seen": version}).status_code == 204
    LabDraft.objects.update(status=DraftStatus.CHECKED, problems=[PROBLEM])
    response = as_ben.get(page_of(draft, "status"), {"seen": version})
    assert response.status_code == 286
    assert "1 thing to mend" in response.content.decode()


# --- Words ----------------------------------------------------------------------------------------


def written_codes() -> Iterator[str]:
    """The codes that stand in the check: of problems, and of files that cannot be read."""
    for node in ast.walk(ast.parse(Path(checking.__file__).read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="_problem"), args=[_, ast.Constant(value=str(code)), *_]):
                yield code
            case ast.Call(func=ast.Name("SourceProblem"), args=[_, _, _, ast.Constant(value=str(code)), _]):
                yield code
            case ast.Assign(targets=[ast.Name("messages")], value=ast.Dict(keys=keys)):
                yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))


def test_every_problem_that_a_check_can_find_has_its_advice() -> None:
    regions = {"SOLUTION", "HIDDEN TESTS", "MARK SCHEME"}
    assert set(written_codes()) - regions == set(ADVICE)


def test_a_problem_that_nobody_thought_of_has_advice_too() -> None:
    unknown = {**PROBLEM, "code": "unknown", "notebook": "", "cell": None, "line": None}
    (finding,) = list_findings(LabDraft(problems=[unknown]))
    assert finding.advice
    assert finding.place == ""


def test_a_draft_that_was_not_compared_shows_no_changes() -> None:
    assert describe_changes({}) is None
