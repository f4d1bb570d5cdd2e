"""A session with a lab's source, a draft of it, its release, and the way back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort, CohortMove, CourseRelease, Enrolment, User
from labs import tasks
from labs.exceptions import RefusedError
from labs.models import LabDraft, LabRelease, LabSession, LabUnit, Workspace
from labs.services import drafts
from labs.services.sessions import request_session
from labs.states import DraftStatus, SessionStatus
from labs.work.drafting import MAX_TRIES
from labs.work.releasing import release_draft
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was queued."""
    calls: list[tuple[Any, ...]] = []
    for name in ("send_start", "send_draft_collect", "send_draft_check", "send_draft_release"):
        monkeypatch.setattr(tasks, name, lambda *args, name=name: calls.append((name, *args)))
    monkeypatch.setattr("django.db.transaction.on_commit", lambda send, robust: send())
    return calls


@pytest.fixture
def lab_unit(cohort: Cohort) -> LabUnit:
    make.HubFactory.create(factory=cohort.factory)
    return LabUnit.objects.select_related("release__lab__course").get(unit__release=cohort.release)


@pytest.fixture
def draft(cohort: Cohort, lab_unit: LabUnit, ben: User) -> LabDraft:
    """Checked, with nothing wrong."""
    return make.LabDraftFactory.create(cohort=cohort, base=lab_unit.release, author=ben)


def present(cohort: Cohort) -> LabRelease:
    return LabUnit.objects.get(unit__release__cohorts=cohort, unit__slug="practise").release


def release(draft: LabDraft, actor: User | None) -> None:
    assert actor is not None
    drafts.request_release(draft, actor=actor)
    release_draft(draft.pk)
    draft.refresh_from_db()
    draft.cohort.refresh_from_db()


def go_over(cohort: Cohort, lab_unit: LabUnit) -> LabRelease:
    """Somebody else's release of the lab reaches the cohort."""
    files = {"lab.ipynb": "9" * 64}
    other = make.LabDraftFactory.create(cohort=cohort, base=lab_unit.release, files=files)
    release(other, other.author)
    cohort.refresh_from_db()
    return present(cohort)


def reason_of(error: pytest.ExceptionInfo[RefusedError]) -> str:
    return error.value.reason


# --- The session -----------------------------------------------------------------------------------


def test_the_source_is_opened_in_a_workspace_of_its_own(cohort: Cohort, lab_unit: LabUnit, ben: User) -> None:
    session = drafts.open_source(cohort, lab_unit, actor=ben)
    assert (session.learner, session.enrolment, session.release) == (ben, None, lab_unit.release)
    assert session.workspace.purpose == Workspace.Purpose.AUTHOR
    assert session.workspace.folder == "authoring/pipelines/practise"
    assert session.hub.factory == cohort.factory
    assert drafts.open_source(cohort, lab_unit, actor=ben) == session


def test_an_instructor_who_also_learns_has_two_sessions_and_two_workspaces(
    cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    enrolment = make_courses.EnrolmentFactory.create(cohort=cohort, learner=ben)
    learning = request_session(enrolment, lab_unit, actor=ben)
    authoring = drafts.open_source(cohort, lab_unit, actor=ben)
    assert learning != authoring
    assert learning.workspace != authoring.workspace
    assert request_session(enrolment, lab_unit, actor=ben) == learning
    assert drafts.open_source(cohort, lab_unit, actor=ben) == authoring


def test_a_cohort_that_has_not_begun_is_prepared_and_one_that_is_over_is_not(
    cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    now = timezone.now()
    cohort.starts_at, cohort.ends_at = now + timedelta(days=1), now + timedelta(days=2)
    assert drafts.open_source(cohort, lab_unit, actor=ben).is_active
    LabSession.objects.update(status=SessionStatus.STOPPED)
    cohort.ends_at = now
    with pytest.raises(RefusedError) as error:
        drafts.open_source(cohort, lab_unit, actor=ben)
    assert reason_of(error) == "cohort_over"


# --- Drafts ----------------------------------------------------------------------------------------


def test_pressing_twice_fetches_once(
    cohort: Cohort, lab_unit: LabUnit, ben: User, sent: list[tuple[Any, ...]]
) -> None:
    session = drafts.open_source(cohort, lab_unit, actor=ben)
    LabSession.objects.update(status=SessionStatus.READY)
    first = drafts.request_draft(cohort, lab_unit, actor=ben)
    assert drafts.request_draft(cohort, lab_unit, actor=ben) == first
    assert (first.base, first.began_with, first.workspace) == (
        lab_unit.release,
        lab_unit.release,
        session.workspace,
    )
    assert first.events.get().reason == "draft_requested"
    assert sent[1:] == [("send_draft_collect", first.pk, cohort.factory.slug)]


def test_there_is_nothing_to_fetch_where_nothing_was_opened(
    cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    with pytest.raises(RefusedError) as error:
        drafts.request_draft(cohort, lab_unit, actor=ben)
    assert reason_of(error) == "nothing_to_collect"
    make.SnapshotFactory.create(workspace__owner=ben, workspace__lab=lab_unit.release.lab)
    drafts.open_source(cohort, lab_unit, actor=ben)
    with pytest.raises(RefusedError):  # what ben has as a learner is no source
        drafts.request_draft(cohort, lab_unit, actor=ben)


def test_a_draft_is_discarded_once_and_a_released_one_never(draft: LabDraft, ben: User) -> None:
    drafts.discard_draft(draft, actor=ben)
    drafts.discard_draft(draft, actor=ben)
    assert (draft.status, draft.events.count()) == (DraftStatus.DISCARDED, 1)
    released = make.LabDraftFactory.create(status=DraftStatus.RELEASED)
    drafts.discard_draft(released, actor=ben)
    assert released.status == DraftStatus.RELEASED


# --- Releasing -------------------------------------------------------------------------------------


def test_a_draft_reaches_its_cohort_and_no_other(draft: LabDraft, lab_unit: LabUnit, ben: User) -> None:
    before = draft.cohort.release
    other = make_courses.CohortFactory.create(release=before)
    release(draft, ben)

    assert draft.status == DraftStatus.RELEASED
    new = present(draft.cohort)
    assert (new, new.source_files, new.learner_files) == (draft.released, draft.files, draft.learner_files)
    assert (new.gradebook, new.needs, new.limits) == (draft.gradebook, draft.base.needs, draft.base.limits)
    assert new.number == lab_unit.release.number + 1
    assert draft.course_release == draft.cohort.release
    other.refresh_from_db()
    assert other.release == before
    move = CohortMove.objects.get()
    assert (move.before, move.after, move.actor) == (before, draft.course_release, ben)
    assert [(event.after, event.actor) for event in draft.events.all()] == [
        (DraftStatus.RELEASING, ben),
        (DraftStatus.RELEASED, ben),
    ]


def test_learners_keep_their_marks_and_submissions(
    draft: LabDraft, enrolment: Enrolment, lab_unit: LabUnit, ben: User
) -> None:
    make_courses.UnitProgressFactory.create(
        enrolment=enrolment, unit_slug="practise", score=4.0, max_score=5.0
    )
    submission = make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release)
    release(draft, ben)
    submission.refresh_from_db()
    assert submission.release == lab_unit.release
    assert enrolment.progress.get(unit_slug="practise").score == 4.0


def test_pressed_twice_it_is_released_once(draft: LabDraft, ben: User, sent: list[tuple[Any, ...]]) -> None:
    late = LabDraft.objects.get(pk=draft.pk)
    drafts.request_release(draft, actor=ben)
    drafts.request_release(draft, actor=ben)
    drafts.request_release(late, actor=ben)
    release_draft(draft.pk)
    release_draft(draft.pk)
    assert sent == [("send_draft_release", draft.pk)]
    assert (CohortMove.objects.count(), CourseRelease.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"problems": [{"code": "cell_fails"}]},
        {"status": DraftStatus.CHECKING},
        {"status": DraftStatus.FAILED},
        {"status": DraftStatus.DISCARDED},
    ],
)
def test_a_draft_with_something_wrong_is_not_released(
    cohort: Cohort, lab_unit: LabUnit, ben: User, fields: dict[str, Any]
) -> None:
    draft = make.LabDraftFactory.create(cohort=cohort, base=lab_unit.release, **fields)
    with pytest.raises(RefusedError) as error:
        drafts.request_release(draft, actor=ben)
    assert reason_of(error) == "draft_not_releasable"
    release_draft(draft.pk)
    assert present(cohort) == lab_unit.release


def test_a_cohort_that_went_over_meanwhile_is_not_overwritten(
    draft: LabDraft, lab_unit: LabUnit, ben: User
) -> None:
    theirs = go_over(draft.cohort, lab_unit)
    with pytest.raises(RefusedError) as error:
        drafts.request_release(draft, actor=ben)
    assert reason_of(error) == "cohort_moved"
    assert present(draft.cohort) == theirs


def test_it_is_looked_at_again_when_the_release_is_made(
    draft: LabDraft, lab_unit: LabUnit, ben: User
) -> None:
    drafts.request_release(draft, actor=ben)
    theirs = go_over(draft.cohort, lab_unit)
    release_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "cohort_moved")
    assert present(draft.cohort) == theirs


def test_another_lab_that_changed_meanwhile_is_kept(draft: LabDraft, ben: User) -> None:
    unit = make_courses.UnitFactory.create(
        module=draft.cohort.release.modules.get(), slug="other", kind="lab"
    )
    other = make.LabDraftFactory.create(
        cohort=draft.cohort, base=make.LabUnitFactory.create(unit=unit).release
    )
    release(other, ben)
    release(draft, ben)
    shown = LabUnit.objects.filter(unit__release__cohorts=draft.cohort)
    assert {lab_unit.release for lab_unit in shown} == {draft.released, other.released}


def test_a_draft_of_a_lab_that_is_gone_is_refused(draft: LabDraft, ben: User) -> None:
    Cohort.objects.update(release=make_courses.CourseReleaseFactory.create(course=draft.lab.course))
    for ask in (drafts.request_release, drafts.compare_again):
        with pytest.raises(RefusedError) as error:
            ask(draft, actor=ben)
        assert reason_of(error) == "lab_gone"


def test_it_is_brought_onto_the_release_of_today(
    draft: LabDraft, lab_unit: LabUnit, ben: User, sent: list[tuple[Any, ...]]
) -> None:
    theirs = go_over(draft.cohort, lab_unit)
    again = drafts.compare_again(draft, actor=ben)
    assert (again.base, again.files, again.status) == (theirs, draft.files, DraftStatus.CHECKING)
    assert again.events.get().reason == "draft_again"
    assert sent[-1] == ("send_draft_check", again.pk)
    assert drafts.compare_again(draft, actor=ben) == again


def test_files_that_the_cohort_has_already_are_not_compared_again(draft: LabDraft, ben: User) -> None:
    release(draft, ben)
    with pytest.raises(RefusedError) as error:
        drafts.compare_again(draft, actor=ben)
    assert reason_of(error) == "draft_unchanged"


def test_a_fault_leaves_the_cohort_as_it_was_and_is_tried_again(
    draft: LabDraft, lab_unit: LabUnit, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_arguments: object, **_named: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("labs.work.releasing.move_cohort", break_down)
    drafts.request_release(draft, actor=ben)
    for number in range(1, MAX_TRIES + 1):
        release_draft(draft.pk)
        draft.refresh_from_db()
        assert draft.status == (DraftStatus.FAILED if number == MAX_TRIES else DraftStatus.RELEASING)
    assert draft.reason == "draft_not_released"
    assert present(draft.cohort) == lab_unit.release
    assert (LabRelease.objects.count(), CourseRelease.objects.count()) == (1, 1)


# --- The way back ----------------------------------------------------------------------------------


def test_a_cohort_is_put_back_once_and_others_stay(draft: LabDraft, lab_unit: LabUnit, ben: User) -> None:
    release(draft, ben)
    move = CohortMove.objects.get()
    drafts.undo_move(draft.cohort, move, actor=ben)
    drafts.undo_move(draft.cohort, move, actor=ben)
    assert present(draft.cohort) == lab_unit.release
    newest = draft.cohort.moves.first()
    assert newest is not None
    assert (newest.before, newest.after, newest.reason) == (move.after, move.before, "move_undone")
    assert CohortMove.objects.count() == 2

    drafts.undo_move(draft.cohort, newest, actor=ben)
    assert present(draft.cohort) == draft.released


def test_only_the_newest_move_is_taken_back(draft: LabDraft, lab_unit: LabUnit, ben: User) -> None:
    release(draft, ben)
    first = CohortMove.objects.get()
    files = {"lab.ipynb": "9" * 64}
    second = make.LabDraftFactory.create(cohort=draft.cohort, base=draft.released, files=files)
    release(second, ben)
    with pytest.raises(RefusedError) as error:
        drafts.undo_move(draft.cohort, first, actor=ben)
    assert reason_of(error) == "move_not_newest"
    assert present(draft.cohort) == second.released


def test_the_same_content_after_an_undo_is_the_same_release(draft: LabDraft, ben: User) -> None:
    release(draft, ben)
    drafts.undo_move(draft.cohort, CohortMove.objects.get(), actor=ben)
    again = drafts.compare_again(draft, actor=ben)
    assert again != draft
    LabDraft.objects.filter(pk=again.pk).update(
        status=DraftStatus.CHECKED, learner_files=draft.learner_files, gradebook=draft.gradebook
    )
    again.refresh_from_db()
    release(again, ben)
    assert (again.released, again.course_release) == (draft.released, draft.course_release)
    assert CourseRelease.objects.count() == 2


# --- What pages show -------------------------------------------------------------------------------


def test_the_effect_counts_this_cohorts_learners_only(
    draft: LabDraft, enrolment: Enrolment, lab_unit: LabUnit, ben: User
) -> None:
    make_courses.EnrolmentFactory.create(cohort=draft.cohort)
    elsewhere = make_courses.EnrolmentFactory.create()
    for person in (enrolment.learner, elsewhere.learner):
        make.WorkspaceFactory.create(owner=person, lab=lab_unit.release.lab)
    make.WorkspaceFactory.create(owner=ben, lab=lab_unit.release.lab, purpose=Workspace.Purpose.AUTHOR)
    for attempt in (1, 2):
        make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release, attempt=attempt)
    effect = drafts.find_effect(draft.cohort, lab_unit.release.lab)
    assert (effect.learner_count, effect.begun_count, effect.submitted_count) == (2, 1, 1)


def test_who_began_with_an_older_source_is_warned_unless_the_newer_one_is_their_own(
    draft: LabDraft, lab_unit: LabUnit, ben: User
) -> None:
    workspace = make.WorkspaceFactory.create(
        owner=ben, lab=lab_unit.release.lab, purpose=Workspace.Purpose.AUTHOR
    )
    theirs = go_over(draft.cohort, lab_unit)
    mine = make.LabDraftFactory.create(
        cohort=draft.cohort, base=theirs, began_with=lab_unit.release, workspace=workspace
    )
    assert drafts.is_behind(mine)
    LabDraft.objects.filter(released=theirs).update(workspace=workspace)
    assert not drafts.is_behind(mine)
    mine.began_with = theirs
    assert not drafts.is_behind(mine)


def test_who_began_anew_began_with_what_the_cohort_has(cohort: Cohort, lab_unit: LabUnit, ben: User) -> None:
    session = drafts.open_source(cohort, lab_unit, actor=ben)
    LabSession.objects.update(status=SessionStatus.READY)
    theirs = go_over(cohort, lab_unit)
    assert drafts.find_beginning(session.workspace, theirs) == lab_unit.release
    make.SnapshotFactory.create(workspace=session.workspace, cause="reset", files=theirs.source_files)
    assert drafts.find_beginning(session.workspace, theirs) == theirs
