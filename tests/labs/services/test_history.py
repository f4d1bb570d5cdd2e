"""The history of a learner's work: which versions it shows, and what it says of each."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from courses.models import Enrolment
from labs.models import LabUnit, Snapshot, Workspace
from labs.services.history import CAUSES, RETENTION, Changes, compare, find_history, find_version
from labs.services.workspaces import restore_snapshot
from labs.work import pruning
from tests.factories import labs as make
from tests.labs.services.conftest import RELEASED, save

pytestmark = pytest.mark.django_db


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


def test_a_first_version_in_which_nothing_was_done_yet_is_called_what_it_is(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace
) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, release=lab_unit.release)
    timer = {"session": session, "cause": Snapshot.Cause.TIMER}
    first = save(workspace, RELEASED, minutes_ago=9, **timer)
    save(workspace, {**RELEASED, "a": b"mine"}, minutes_ago=8, **timer)
    save(workspace, RELEASED, minutes_ago=7, **timer)
    causes = [version.cause for version in find_history(enrolment, lab_unit, number=None).versions]
    worked = str(CAUSES[Snapshot.Cause.TIMER])
    assert causes == [worked, worked, "The lab’s files as you were given them"]

    first.files = {"a": "1" * 64}
    first.save()
    assert find_history(enrolment, lab_unit, number=None).versions[-1].cause == worked


def test_a_stop_at_which_nothing_had_changed_is_no_version(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace
) -> None:
    stop = Snapshot.Cause.STOP
    first = save(workspace, {"a": b"1"}, minutes_ago=9, cause=stop)
    changed = save(workspace, {"a": b"2"}, minutes_ago=8, cause=stop)
    for minutes in (7, 6):
        newest = save(workspace, {"a": b"2"}, minutes_ago=minutes, cause=stop)
    history = find_history(enrolment, lab_unit, number=None)
    assert [(version.snapshot, version.is_current) for version in history.versions] == [
        (changed, True),
        (first, False),
    ]
    assert history.page is not None
    assert history.page.paginator.count == 2
    assert find_version(changed, first).is_current
    assert workspace.current_snapshot == newest


def test_a_submission_without_a_change_is_a_version(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace
) -> None:
    save(workspace, {"a": b"1"}, minutes_ago=9)
    save(workspace, {"a": b"1"}, cause=Snapshot.Cause.SUBMIT)
    assert len(find_history(enrolment, lab_unit, number=None).versions) == 2


def test_a_restore_can_be_undone_after_a_stop_too(
    enrolment: Enrolment, lab_unit: LabUnit, workspace: Workspace
) -> None:
    before = save(workspace, {"a": b"new"}, minutes_ago=9)
    save(workspace, {"a": b"old"}, minutes_ago=8, cause=Snapshot.Cause.RESTORE)
    save(workspace, {"a": b"old"}, cause=Snapshot.Cause.STOP)
    assert find_history(enrolment, lab_unit, number=None).before == before


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
