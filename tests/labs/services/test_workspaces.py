"""A learner's files of a lab: going back to a version, beginning anew, a newer release's files."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs import tasks
from labs.blobs import store_files
from labs.exceptions import RefusedError
from labs.models import LabSession, LabUnit, Snapshot, Workspace
from labs.services.workspaces import (
    dismiss_new_files,
    find_offer,
    reset_lab,
    restore_snapshot,
    take_new_files,
)
from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.services.conftest import save

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_session(enrolment: Enrolment, lab_unit: LabUnit) -> Callable[..., LabSession]:
    def make_session(status: SessionStatus = SessionStatus.READY, **fields: Any) -> LabSession:
        fields = {"release": lab_unit.release, "ready_at": timezone.now(), **fields}
        return make.LabSessionFactory.create(enrolment=enrolment, status=status, **fields)

    return make_session


# --- Going back ----------------------------------------------------------------------------------------


def test_a_restore_is_what_the_next_start_begins_with(enrolment: Enrolment, workspace: Workspace) -> None:
    old = save(workspace, {"lab.ipynb": b"old"}, minutes_ago=9)
    save(workspace, {"lab.ipynb": b"new"})
    made = restore_snapshot(old, actor=enrolment.learner)
    workspace.refresh_from_db()
    assert workspace.current_snapshot == workspace.wanted == made
    assert (made.cause, made.origin, made.files) == (Snapshot.Cause.RESTORE, old, old.files)
    assert workspace.snapshots.count() == 3


def test_a_restore_that_is_pressed_twice_is_one(enrolment: Enrolment, workspace: Workspace) -> None:
    old = save(workspace, {"lab.ipynb": b"old"})
    first = restore_snapshot(old, actor=enrolment.learner)
    assert restore_snapshot(old, actor=enrolment.learner) == first
    assert restore_snapshot(first, actor=enrolment.learner) == first
    assert workspace.snapshots.count() == 2


def test_another_version_may_be_chosen_before_the_first_is_there(
    enrolment: Enrolment, workspace: Workspace
) -> None:
    old, new = save(workspace, {"a": b"old"}, minutes_ago=1), save(workspace, {"a": b"new"})
    restore_snapshot(old, actor=enrolment.learner)
    made = restore_snapshot(new, actor=enrolment.learner)
    workspace.refresh_from_db()
    assert workspace.wanted == made


def test_a_lab_that_runs_is_restarted_for_a_restore(
    enrolment: Enrolment, workspace: Workspace, make_session: Callable[..., LabSession]
) -> None:
    session = make_session()
    restore_snapshot(save(workspace, {"a": b"old"}), actor=enrolment.learner)
    session.refresh_from_db()
    assert (session.status, session.stop_reason, session.is_restarting) == (
        SessionStatus.STOPPING,
        "restore_requested",
        True,
    )


@pytest.mark.parametrize("status", [SessionStatus.REQUESTED, SessionStatus.SPAWNING])
def test_a_lab_without_files_yet_gets_the_right_ones_as_it_is(
    enrolment: Enrolment,
    workspace: Workspace,
    make_session: Callable[..., LabSession],
    status: SessionStatus,
) -> None:
    session = make_session(status, ready_at=None)
    restore_snapshot(save(workspace, {"a": b"old"}), actor=enrolment.learner)
    session.refresh_from_db()
    assert session.status == status


def test_a_lab_that_is_being_stopped_is_not_started_again_by_a_restore(
    enrolment: Enrolment, workspace: Workspace, make_session: Callable[..., LabSession]
) -> None:
    session = make_session(SessionStatus.STOPPING)
    restore_snapshot(save(workspace, {"a": b"old"}), actor=enrolment.learner)
    session.refresh_from_db()
    assert not session.is_restarting


def test_a_reset_gives_the_present_releases_files_and_is_one_however_often_pressed(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace, make_session: Callable[..., LabSession]
) -> None:
    session = make_session()
    save(workspace, {"lab.ipynb": b"half done"})
    made = reset_lab(enrolment, lab_unit, actor=enrolment.learner)
    assert reset_lab(enrolment, lab_unit, actor=enrolment.learner) == made
    session.refresh_from_db()
    assert (made.cause, made.files, made.byte_count) == ("reset", lab_unit.release.learner_files, 8)
    assert (session.stop_reason, session.is_restarting) == ("reset_requested", True)
    assert workspace.snapshots.count() == 2


def test_nothing_is_reset_before_the_first_start(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    with pytest.raises(RefusedError) as refused:
        reset_lab(enrolment, lab_unit, actor=enrolment.learner)
    assert refused.value.reason == "nothing_to_reset"


# --- A newer release -----------------------------------------------------------------------------------


@pytest.fixture
def newer(enrolment: Enrolment, lab_unit: LabUnit, make_session: Callable[..., LabSession]) -> LabUnit:
    """Ada has worked with the first release; now her unit shows another one."""
    make_session(SessionStatus.STOPPED)
    files = {"lab.ipynb": b"blank 2", "data.csv": b"a;b", "extra.ipynb": b"more"}
    lab_unit.release = make.LabReleaseFactory.create(
        lab=lab_unit.release.lab, learner_files=store_files(files), number=3
    )
    lab_unit.save()
    return lab_unit


def offered(enrolment: Enrolment, lab_unit: LabUnit) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    offer = find_offer(enrolment, lab_unit)
    return (offer.new, offer.changed) if offer else None


def test_the_same_release_offers_nothing(
    enrolment: Enrolment, lab_unit: LabUnit, make_session: Callable[..., LabSession]
) -> None:
    assert find_offer(enrolment, lab_unit) is None
    make_session()
    assert find_offer(enrolment, lab_unit) is None


def test_a_newer_release_offers_what_it_adds_and_changes(enrolment: Enrolment, newer: LabUnit) -> None:
    assert offered(enrolment, newer) == (("extra.ipynb",), ("lab.ipynb",))


def test_what_a_start_has_given_is_not_offered_again(
    enrolment: Enrolment, newer: LabUnit, make_session: Callable[..., LabSession]
) -> None:
    make_session(SessionStatus.STOPPED, release=newer.release)
    assert offered(enrolment, newer) == ((), ("lab.ipynb",))


def test_new_files_come_at_once_where_the_lab_runs(
    enrolment: Enrolment,
    newer: LabUnit,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    LabSession.objects.update(status=SessionStatus.READY)
    sent: list[tuple[int, str]] = []
    monkeypatch.setattr(tasks, "send_new_files", lambda pk, factory: sent.append((pk, factory)))
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            take_new_files(enrolment, newer, actor=enrolment.learner)
    session = LabSession.objects.get()
    assert sent == [(session.pk, session.hub.factory.slug)]


def test_new_files_that_were_asked_for_are_on_their_way(enrolment: Enrolment, newer: LabUnit) -> None:
    for _ in range(2):
        take_new_files(enrolment, newer, actor=enrolment.learner)
    offer = find_offer(enrolment, newer)
    assert offer is not None
    assert offer.is_wanted
    event = LabSession.objects.get().events.get()
    assert (event.reason, event.actor) == ("new_files_wanted.3", enrolment.learner)


def test_an_offer_that_was_dismissed_stays_away_until_the_next_release(
    enrolment: Enrolment, newer: LabUnit
) -> None:
    dismiss_new_files(enrolment, newer, actor=enrolment.learner)
    assert offered(enrolment, newer) is None
    assert take_new_files(enrolment, newer, actor=enrolment.learner) is None

    files = {"lab.ipynb": b"blank 2", "data.csv": b"c;d", "extra.ipynb": b"more"}
    newer.release = make.LabReleaseFactory.create(
        lab=newer.release.lab, learner_files=store_files(files), number=4
    )
    assert offered(enrolment, newer) == ((), ("data.csv",))


def test_a_reset_gives_the_new_release_wholly(enrolment: Enrolment, newer: LabUnit) -> None:
    made = reset_lab(enrolment, newer, actor=enrolment.learner)
    assert made.files == newer.release.learner_files
    assert offered(enrolment, newer) is None
