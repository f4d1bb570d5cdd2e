"""Starting, delivering, stopping: each step may be repeated and may be cut off anywhere."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from courses.models import Cohort, CohortTeamMember, Enrolment
from courses.states import EnrolmentStatus
from labs.blobs import store_blob
from labs.exceptions import ServerAnswerError
from labs.models import Hub, HubOutage, LabRelease, LabSession, LabUnit, Snapshot, Workspace
from labs.states import SessionStatus
from labs.transitions import UNSENT
from labs.work.reconciling import reconcile_sessions
from labs.work.spawning import SAVE_FOR, ensure_spawned, ensure_stopped
from tests.factories import labs as make
from tests.fakes.connections import answering, failing, unreachable
from tests.fakes.hub import FakeContents, FakeHub, RefusingHub, SilentContents, UnavailableHub

pytestmark = pytest.mark.django_db


def hub(fake: FakeHub) -> Callable[[Hub], Any]:
    return lambda _hub: fake


def test_a_requested_session_is_claimed_and_asked_for() -> None:
    session, fake = make.LabSessionFactory.create(), FakeHub()
    ensure_spawned(session.pk, connect=hub(fake))
    session.refresh_from_db()
    assert session.status == SessionStatus.SPAWNING
    assert session.asked_at is not None
    assert (session.learner.hub_name, session.server_name) in fake.servers


def test_who_is_new_to_a_hub_is_made_known_and_others_are_asked_for_at_once() -> None:
    first, fake = make.LabSessionFactory.create(), FakeHub()
    ensure_spawned(first.pk, connect=hub(fake))
    assert [call[0] for call in fake.calls] == ["ensure_server", "ensure_user", "ensure_server"]
    second = make.LabSessionFactory.create(enrolment=first.enrolment)
    ensure_spawned(second.pk, connect=hub(fake))
    assert [call[0] for call in fake.calls[3:]] == ["ensure_server"]


def test_a_task_that_comes_twice_starts_one_server() -> None:
    session, fake = make.LabSessionFactory.create(), FakeHub()
    ensure_spawned(session.pk, connect=hub(fake))
    calls = list(fake.calls)
    ensure_spawned(session.pk, connect=hub(fake))
    assert fake.calls == calls


def test_a_start_cut_off_after_the_claim_is_taken_up() -> None:
    session, fake = make.LabSessionFactory.create(status=SessionStatus.SPAWNING), FakeHub()
    ensure_spawned(session.pk, connect=hub(fake))
    session.refresh_from_db()
    assert session.asked_at is not None
    assert (session.learner.hub_name, session.server_name) in fake.servers


def test_a_hub_that_does_not_answer_is_asked_again_later() -> None:
    session = make.LabSessionFactory.create()
    ensure_spawned(session.pk, connect=hub(UnavailableHub()))
    session.refresh_from_db()
    assert (session.status, session.asked_at) == (SessionStatus.SPAWNING, None)


def test_a_refusal_fails_the_session_with_its_reason() -> None:
    session = make.LabSessionFactory.create()
    ensure_spawned(session.pk, connect=hub(RefusingHub()))
    session.refresh_from_db()
    assert (session.status, session.reason) == (SessionStatus.FAILED, "spawn_rejected")


@pytest.mark.parametrize("status", [SessionStatus.STOPPING, SessionStatus.STOPPED, SessionStatus.FAILED])
def test_a_session_that_was_stopped_first_is_not_started(status: SessionStatus) -> None:
    session, fake = make.LabSessionFactory.create(status=status), FakeHub()
    ensure_spawned(session.pk, connect=hub(fake))
    assert fake.calls == []


@pytest.fixture
def stopping() -> LabSession:
    now = timezone.now()
    return make.LabSessionFactory.create(
        status=SessionStatus.STOPPING, asked_at=now, ready_at=now, stop_requested_at=now
    )


def test_a_stop_saves_the_work_first(stopping: LabSession) -> None:
    fake = FakeContents({f"{stopping.workspace.folder}/lab.ipynb": b"done"})
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=answering(fake))
    stopping.refresh_from_db()
    snapshot = Snapshot.objects.get()
    assert stopping.status == SessionStatus.STOPPED
    assert (snapshot.workspace, snapshot.cause) == (stopping.workspace, "stop")
    assert snapshot.files == {"lab.ipynb": store_blob(b"done")}


def test_a_server_that_cannot_be_read_is_stopped_all_the_same(stopping: LabSession) -> None:
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=answering(SilentContents()))
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPED
    assert not Snapshot.objects.exists()
    assert "not_saved" in [event.reason for event in stopping.events.all()]


def test_a_stop_waits_a_while_for_a_server_that_cannot_be_reached_at_the_moment(stopping: LabSession) -> None:
    without_route = failing(ServerAnswerError(reason="server_unreachable"))
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=without_route)
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPING
    assert not stopping.events.filter(reason="not_saved").exists()


def test_a_stop_waits_a_while_for_a_factory_through_which_nothing_can_be_saved(stopping: LabSession) -> None:
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=unreachable)
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPING

    LabSession.objects.update(stop_requested_at=timezone.now() - SAVE_FOR)
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=unreachable)
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPED


def test_a_session_that_never_got_ready_has_nothing_to_save(stopping: LabSession) -> None:
    LabSession.objects.update(ready_at=None)
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=unreachable)
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPED


def test_a_hub_that_is_still_busy_leaves_the_session_stopping(stopping: LabSession) -> None:
    fake = FakeHub(looks=3)
    fake.ensure_user(stopping.learner.hub_name)
    fake.ensure_server(stopping.learner.hub_name, stopping.server_name, {})
    ensure_stopped(stopping.pk, connect=hub(fake), connect_to_workspace=answering(FakeContents()))
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPING


def test_a_stop_that_is_tried_again_saves_once(stopping: LabSession) -> None:
    fake = FakeContents({f"{stopping.workspace.folder}/lab.ipynb": b"done"})
    for _ in range(2):
        ensure_stopped(stopping.pk, connect=hub(UnavailableHub()), connect_to_workspace=answering(fake))
    assert Snapshot.objects.count() == 1


def test_a_stop_that_takes_long_saves_what_was_done_meanwhile(
    stopping: LabSession, settings: Settings
) -> None:
    path = f"{stopping.workspace.folder}/lab.ipynb"
    for content in (b"done", b"gone on"):
        fake = FakeContents({path: content})
        ensure_stopped(stopping.pk, connect=hub(UnavailableHub()), connect_to_workspace=answering(fake))
        age = timedelta(seconds=settings.SNAPSHOT_SECONDS + 1)
        Snapshot.objects.update(created_at=timezone.now() - age)
    assert [each.files for each in stopping.snapshots.order_by("pk")] == [
        {"lab.ipynb": store_blob(b"done")},
        {"lab.ipynb": store_blob(b"gone on")},
    ]
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=answering(SilentContents()))
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPED
    assert not stopping.events.filter(reason="not_saved").exists()


def test_a_stop_is_kept_while_its_hub_is_down_and_nobody_told_that_work_was_lost(
    stopping: LabSession,
) -> None:
    Hub.objects.update(down_since=timezone.now())
    LabSession.objects.update(stop_requested_at=timezone.now() - 2 * SAVE_FOR)
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=unreachable)
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPING
    assert not stopping.events.exists()


def test_an_outage_of_the_factory_does_not_use_up_the_time_to_save(stopping: LabSession) -> None:
    now = timezone.now()
    LabSession.objects.update(stop_requested_at=now - SAVE_FOR - timedelta(hours=1))
    HubOutage.objects.create(hub=stopping.hub, began_at=now - timedelta(hours=1), ended_at=now)
    ensure_stopped(stopping.pk, connect=hub(FakeHub()), connect_to_workspace=unreachable)
    stopping.refresh_from_db()
    assert stopping.status == SessionStatus.STOPPING


# --- What the hub is told --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "asked", "told"),
    [
        (Workspace.Purpose.LEARN, None, {}),
        (Workspace.Purpose.LEARN, ["terminal"], {"tools": ["terminal"]}),
        (Workspace.Purpose.LEARN, ["terminal", "create-assignment"], {"tools": ["terminal"]}),
        (Workspace.Purpose.AUTHOR, [], {"tools": ["create-assignment"]}),
        (Workspace.Purpose.AUTHOR, ["terminal"], {"tools": ["create-assignment", "terminal"]}),
    ],
)
def test_a_server_gets_the_tools_of_its_lab_and_authors_their_own(
    purpose: str, asked: list[str] | None, told: dict[str, object]
) -> None:
    session, fake = make.LabSessionFactory.create(), FakeHub()
    LabRelease.objects.update(session={} if asked is None else {"tools": asked})
    Workspace.objects.update(purpose=purpose)
    ensure_spawned(session.pk, connect=hub(fake))
    assert fake.user_options[session.learner.hub_name, session.server_name] == told


# --- Starting anew ---------------------------------------------------------------------------------------


@pytest.fixture
def restarting(stopping: LabSession) -> LabSession:
    LabSession.objects.update(is_restarting=True, ready_at=None)
    return stopping


def end(session: LabSession) -> None:
    ensure_stopped(session.pk, connect=hub(FakeHub()), connect_to_workspace=unreachable)
    session.refresh_from_db()


def test_a_session_that_was_to_begin_anew_has_one_successor_that_the_next_sweep_starts(
    restarting: LabSession,
) -> None:
    end(restarting)
    end(restarting)
    assert restarting.status == SessionStatus.STOPPED
    successor = LabSession.objects.exclude(pk=restarting.pk).get()
    assert (successor.status, successor.sent_at) == (SessionStatus.REQUESTED, UNSENT)
    assert (successor.workspace, successor.enrolment) == (restarting.workspace, restarting.enrolment)
    assert not successor.is_restarting

    fake = FakeHub()
    sweep = reconcile_sessions(restarting.hub_id, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    assert sweep.starts == [successor.pk]
    assert [event.reason for event in successor.events.all()] == ["requested"]


def test_the_sweep_that_sees_the_server_gone_begins_anew_too(restarting: LabSession) -> None:
    sweep = reconcile_sessions(restarting.hub_id, connect=lambda _hub: FakeHub())  # type: ignore[arg-type, return-value]
    assert LabSession.objects.filter(status=SessionStatus.REQUESTED).count() == 1
    assert sweep.starts == []


def test_a_stop_without_a_restart_has_no_successor(stopping: LabSession) -> None:
    end(stopping)
    assert LabSession.objects.count() == 1


def test_who_has_left_begins_nothing_anew(restarting: LabSession) -> None:
    Enrolment.objects.update(status=EnrolmentStatus.WITHDRAWN)
    end(restarting)
    assert LabSession.objects.count() == 1


def test_a_cohort_that_is_over_begins_nothing_anew(restarting: LabSession) -> None:
    now = timezone.now()
    Cohort.objects.update(starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1))
    end(restarting)
    assert LabSession.objects.count() == 1


def test_a_session_begun_anew_has_the_release_that_the_cohort_has_now(restarting: LabSession) -> None:
    assert restarting.enrolment is not None
    newer = make.LabReleaseFactory.create(lab=restarting.lab)
    unit = make.LabUnitFactory.create(
        unit__release=restarting.enrolment.cohort.release,
        unit__module__release=restarting.enrolment.cohort.release,
    )
    LabUnit.objects.filter(pk=unit.pk).update(release=newer)
    end(restarting)
    assert LabSession.objects.get(status=SessionStatus.REQUESTED).release == newer


@pytest.fixture
def authoring(restarting: LabSession) -> LabSession:
    """An instructor's session in a lab's source."""
    assert restarting.enrolment is not None
    CohortTeamMember.objects.create(
        cohort=restarting.enrolment.cohort,
        user=restarting.learner,
        role=CohortTeamMember.Role.INSTRUCTOR,
    )
    LabSession.objects.update(enrolment=None)
    restarting.refresh_from_db()
    return restarting


def test_who_no_longer_authors_begins_nothing_anew(authoring: LabSession) -> None:
    CohortTeamMember.objects.update(role=CohortTeamMember.Role.ASSISTANT)
    end(authoring)
    assert authoring.status == SessionStatus.STOPPED
    assert LabSession.objects.count() == 1


def test_an_authors_session_begins_anew_with_what_it_had(authoring: LabSession) -> None:
    end(authoring)
    assert LabSession.objects.get(status=SessionStatus.REQUESTED).release == authoring.release
