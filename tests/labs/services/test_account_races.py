"""Accounts asked for at the same moment, on connections of their own: never two people in one."""

from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from courses.models import User
from labs.exceptions import RefusedError
from labs.models import AccountLease, Allocation, Hub, LabRelease, LabSession
from labs.services.sessions import create_session
from labs.states import SessionStatus
from labs.work.choices import Choice
from labs.work.leasing import find_account
from labs.work.spawning import end_session
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.racing import at_once, require_row_locks

PEOPLE = 8


@pytest.fixture(autouse=True)
def _postgresql(transactional_db: None) -> None:
    require_row_locks()


pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labs.tasks.send_start", lambda *_: None)


@pytest.fixture
def choice() -> Choice:
    """At a factory that has three accounts to lend."""
    flavour = make.FlavourFactory.create()
    allocation = make.AllocationFactory.create(partition=flavour.partition, flavours=[flavour])
    make.FactoryAccountFactory.create_batch(3, hub=flavour.partition.hub)
    return Choice(allocation, flavour, flavour.partition.hub, 60, 0)


def press(release: LabRelease, user: User, choice: Choice) -> str:
    """Whether a session was asked for; else why not."""
    workspace = make.WorkspaceFactory.create(owner=user, lab=release.lab)
    try:
        create_session(workspace, release, choice.hub, actor=user, choice=choice)
    except RefusedError as refusal:
        return refusal.reason
    return ""


def test_of_many_people_at_once_each_has_an_account_alone(choice: Choice) -> None:
    release = make.LabReleaseFactory.create()
    people = make_courses.UserFactory.create_batch(PEOPLE)
    answers = at_once(*[partial(press, release, user, choice) for user in people])
    assert sorted(answers) == sorted([""] * 3 + ["pool_empty"] * (PEOPLE - 3))
    sessions = LabSession.objects.all()
    assert len({session.account_id for session in sessions}) == 3
    held = AccountLease.objects.filter(ended_at=None).values_list("account", "user")
    assert set(held) == {(session.account_id, session.learner_id) for session in sessions}


def test_who_holds_which_account_is_decided_under_a_lock(choice: Choice) -> None:
    """Else an account is lent on between the moment in which its holder is found to have it and their new session."""
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        find_account(make_courses.UserFactory.create(), choice.allocation)
    locks = [row["sql"] for row in queries if "FOR NO KEY UPDATE" in row["sql"]]
    assert any(f'"{Hub._meta.db_table}"' in lock for lock in locks)


def test_one_person_who_starts_many_labs_at_once_has_one_account(choice: Choice) -> None:
    user = make_courses.UserFactory.create()
    releases = make.LabReleaseFactory.create_batch(3)
    assert at_once(*[partial(press, release, user, choice) for release in releases]) == [""] * 3
    assert AccountLease.objects.count() == 1


def test_an_account_is_not_taken_from_who_comes_back_at_that_moment(choice: Choice) -> None:
    """Either they are first and keep it, or somebody else has it and they are lent another one, or none."""
    release = make.LabReleaseFactory.create()
    for _ in range(PEOPLE):
        holder, other = make_courses.UserFactory.create_batch(2)
        with transaction.atomic():
            find_account(holder, choice.allocation)
        at_once(partial(press, release, holder, choice), partial(press, release, other, choice))
        sessions = LabSession.objects.filter(status=SessionStatus.REQUESTED)
        held = dict(AccountLease.objects.filter(ended_at=None).values_list("account", "user"))
        assert all(
            held[session.account_id] == session.learner_id for session in sessions if session.account_id
        )
        assert len({session.account_id for session in sessions}) == sessions.count() == 2
        sessions.update(status=SessionStatus.STOPPED)


def test_a_session_that_begins_anew_and_a_press_take_two_accounts(choice: Choice) -> None:
    release, allocation = make.LabReleaseFactory.create(), Allocation.objects.get()
    for _ in range(PEOPLE):
        enrolment = make_courses.EnrolmentFactory.create(cohort=allocation.cohort)
        with transaction.atomic():
            account = find_account(enrolment.learner, allocation)
        session = make.LabSessionFactory.create(
            enrolment=enrolment,
            release=release,
            hub=choice.hub,
            allocation=allocation,
            flavour=choice.flavour,
            account=account,
            status=SessionStatus.STOPPING,
            is_restarting=True,
        )
        other = make_courses.UserFactory.create()
        at_once(
            partial(end_session, session, SessionStatus.STOPPED, reason="server_gone"),
            partial(press, release, other, choice),
        )
        asked = LabSession.objects.filter(status=SessionStatus.REQUESTED)
        assert len({each.account_id for each in asked}) == asked.count() == 2
        asked.update(status=SessionStatus.STOPPED)
