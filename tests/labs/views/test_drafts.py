"""The page of a draft: what was found and what changes, its buttons, and who may see it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from courses.models import Cohort, Enrolment, User
from labs.models import LabDraft, LabUnit
from labs.states import DraftStatus
from labs.work.releasing import release_draft
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.drafts import PROBLEM, page_of, source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_queue")]


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


def test_hints_stand_apart_and_keep_nobody_from_releasing(as_ben: Client, draft: LabDraft) -> None:
    hint = {**PROBLEM, "code": "reads_clock", "message": "It reads the clock.", "is_hint": True}
    LabDraft.objects.update(problems=[hint])
    page = as_ben.get(page_of(draft)).content.decode()
    assert "It can be released" in page
    assert "1 hint" in page
    assert "It reads the clock." in page
    assert "to mend" not in page
    assert page_of(draft, "release") in page
    assert "Ready to release" in as_ben.get(source(draft.cohort)).content.decode()

    LabDraft.objects.update(problems=[hint, PROBLEM])
    page = as_ben.get(page_of(draft)).content.decode()
    assert "1 thing to mend" in page
    assert "1 hint" in page
    assert page_of(draft, "release") not in page
    assert "1 thing to mend" in as_ben.get(source(draft.cohort)).content.decode()


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
