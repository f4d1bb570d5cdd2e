"""Authors and workers at the same moment, on connections of their own. Needs a database with real concurrency."""

import pytest
from django.utils import timezone

from courses.models import Cohort, CohortMove, CourseRelease, User
from labs.models import LabDraft, LabRelease, LabSession, LabUnit
from labs.services import drafts
from labs.states import DraftStatus, SessionStatus
from labs.work.checking_drafts import claim
from labs.work.drafting import keep
from labs.work.releasing import release_draft
from tests.factories import labs as make
from tests.racing import at_once, require_row_locks

PRESSES = 8


@pytest.fixture(autouse=True)
def _postgresql(transactional_db: None) -> None:
    require_row_locks()


pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("send_start", "send_draft_collect", "send_draft_check", "send_draft_release"):
        monkeypatch.setattr(f"labs.tasks.{name}", lambda *_: None)


@pytest.fixture
def lab_unit(cohort: Cohort) -> LabUnit:
    make.HubFactory.create(factory=cohort.factory)
    return LabUnit.objects.select_related("release__lab__course").get(unit__release=cohort.release)


def test_sources_opened_at_once_are_one_session(cohort: Cohort, lab_unit: LabUnit, ben: User) -> None:
    sessions = at_once(*[lambda: drafts.open_source(cohort, lab_unit, actor=ben)] * PRESSES)
    assert len({session.pk for session in sessions}) == 1


def test_presses_at_once_fetch_one_draft(cohort: Cohort, lab_unit: LabUnit, ben: User) -> None:
    drafts.open_source(cohort, lab_unit, actor=ben)
    LabSession.objects.update(status=SessionStatus.READY)
    found = at_once(*[lambda: drafts.request_draft(cohort, lab_unit, actor=ben)] * PRESSES)
    assert len({draft.pk for draft in found}) == 1
    assert LabDraft.objects.count() == 1


def test_the_same_content_from_two_authors_at_once_is_one_draft(cohort: Cohort, lab_unit: LabUnit) -> None:
    pair = []
    for _ in range(2):
        workspace = make.WorkspaceFactory.create(lab=lab_unit.release.lab, purpose="author")
        snapshot = make.SnapshotFactory.create(workspace=workspace)
        fields = {"cohort": cohort, "base": lab_unit.release, "workspace": workspace}
        draft = make.LabDraftFactory.create(status=DraftStatus.COLLECTING, content_hash="", **fields)
        pair.append((draft, snapshot))
    kept = at_once(
        *[lambda draft=draft, snapshot=snapshot: keep(draft, snapshot) for draft, snapshot in pair]
    )
    assert sorted(kept) == [False, True]
    other = LabDraft.objects.get(status=DraftStatus.DISCARDED)
    assert other.same_as == LabDraft.objects.get(status=DraftStatus.CHECKING)


def test_a_check_is_claimed_by_one_worker(cohort: Cohort, lab_unit: LabUnit) -> None:
    fields = {"cohort": cohort, "base": lab_unit.release, "status": DraftStatus.CHECKING}
    draft = make.LabDraftFactory.create(**fields)
    won = at_once(*[lambda: claim(LabDraft.objects.get(pk=draft.pk))] * PRESSES)
    assert sum(won) == 1


def test_of_drafts_released_at_once_one_reaches_the_cohort(
    cohort: Cohort, lab_unit: LabUnit, ben: User
) -> None:
    """Each pressed several times, and each task come twice."""
    pair = [
        make.LabDraftFactory.create(
            cohort=cohort, base=lab_unit.release, files={"lab.ipynb": digit * 64}, checked_at=timezone.now()
        )
        for digit in "56"
    ]

    def press(pk: int) -> None:
        drafts.request_release(LabDraft.objects.get(pk=pk), actor=ben)

    at_once(*[lambda pk=draft.pk: press(pk) for draft in pair * 3])
    at_once(*[lambda pk=draft.pk: release_draft(pk) for draft in pair * 3])

    statuses = sorted(LabDraft.objects.values_list("status", "reason"))
    assert statuses == [(DraftStatus.FAILED, "cohort_moved"), (DraftStatus.RELEASED, "draft_released")]
    assert (CohortMove.objects.count(), CourseRelease.objects.count(), LabRelease.objects.count()) == (
        1,
        2,
        2,
    )
