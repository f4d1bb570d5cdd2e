"""The history of a learner's work: what it says, going back, beginning anew, a newer release's files."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs import tasks
from labs.blobs import hash_files, store_files
from labs.exceptions import RefusedError
from labs.models import LabSession, LabUnit, Snapshot, Workspace
from labs.services.workspaces import (
    RETENTION,
    Changes,
    compare,
    dismiss_new_files,
    find_history,
    find_offer,
    reset_lab,
    restore_snapshot,
    take_new_files,
)
from labs.states import SessionStatus
from labs.work import pruning
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

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


@pytest.fixture
def make_session(enrolment: Enrolment, lab_unit: LabUnit) -> Callable[..., LabSession]:
    def make_session(status: SessionStatus = SessionStatus.READY, **fields: Any) -> LabSession:
        fields = {"release": lab_unit.release, "ready_at": timezone.now(), **fields}
        return make.LabSessionFactory.create(enrolment=enrolment, status=status, **fields)

    return make_session


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


# --- The history ---------------------------------------------------------------------------------------


def test_a_version_says_what_changed_since_the_one_before(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace
) -> None:
    save(workspace, {"lab.ipynb": b"1", "old.py": b""}, minutes_ago=9)
    save(workspace, {"lab.ipynb": b"2", "new.py": b""})
    newest, first = find_history(enrolment, lab_unit, number=None).versions
    assert newest.changes == Changes(added=("new.py",), changed=("lab.ipynb",), removed=("old.py",))
    assert newest.changes.words == "1 file changed, 1 new file, 1 file deleted"
    assert (newest.is_current, first.is_current, first.changes) == (True, False, None)


def test_the_last_version_of_a_page_is_compared_with_the_first_of_the_next(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace
) -> None:
    for number in range(25):
        save(workspace, {"lab.ipynb": str(number).encode()}, minutes_ago=number)
    first = find_history(enrolment, lab_unit, number="1")
    second = find_history(enrolment, lab_unit, number="2")
    assert (len(first.versions), len(second.versions)) == (20, 5)
    assert first.versions[-1].changes == Changes((), ("lab.ipynb",), ())
    assert not any(version.is_current for version in second.versions)


def test_a_long_history_takes_as_many_queries_as_a_short_one(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace, count_queries: Callable[[Any], int]
) -> None:
    save(workspace, {"lab.ipynb": b"1"}, minutes_ago=99)
    short = count_queries(lambda: find_history(enrolment, lab_unit, number=None))
    for number in range(15):
        session = make.LabSessionFactory.create(
            enrolment=enrolment, release=lab_unit.release, status="stopped"
        )
        save(workspace, {"lab.ipynb": str(number).encode()}, minutes_ago=number, session=session)
    assert count_queries(lambda: find_history(enrolment, lab_unit, number=None)) == short


def test_somebody_who_never_started_has_an_empty_history(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    history = find_history(enrolment, lab_unit, number=None)
    assert (history.versions, history.before) == ((), None)


def test_nothing_that_changed_is_said_so() -> None:
    assert compare({"a": "1"}, {"a": "1"}).words == "Nothing changed"


def test_the_page_says_the_policy_that_is_followed() -> None:
    for step in pruning.RETENTION:
        hours, days = step.age / timedelta(hours=1), step.age.days
        assert f"{hours:.0f} hours" in str(RETENTION) or f"{days} days" in str(RETENTION)


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


def test_the_version_before_is_offered_while_a_restore_waits_and_after_it(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace
) -> None:
    old = save(workspace, {"a": b"old"}, minutes_ago=9)
    newest = save(workspace, {"a": b"new"}, minutes_ago=5)
    made = restore_snapshot(old, actor=enrolment.learner)
    stopped = save(workspace, {"a": b"newer"})
    waiting = find_history(enrolment, lab_unit, number=None)
    assert (waiting.wanted, waiting.before) == (made, stopped)

    stopped.delete()
    Workspace.objects.update(wanted=None)
    assert find_history(enrolment, lab_unit, number=None).before == newest

    save(workspace, {"a": b"on"})
    assert find_history(enrolment, lab_unit, number=None).before is None


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
