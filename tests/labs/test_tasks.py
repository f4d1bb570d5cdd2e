"""The tasks: to which queue each goes, and when it is not worth doing any more."""

from typing import Any

import pytest

from labs import tasks
from labs.tasks import MOST_WAKE_UPS
from labs.work.checking_accounts import AccountSweep
from labs.work.grading_queue import WAKE_AFTER
from labs.work.reconciling import Sweep
from tests.factories import labs as make


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """What is published, with its options, of the tasks that these tests send."""
    published: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def record(args: tuple[Any, ...], *, producer: object, **options: Any) -> None:
        published.append((args, options))

    names = (
        "grade_next",
        "reconcile_sessions",
        "spawn_session",
        "deliver_files",
        "check_account",
        "tell_learner",
    )
    for task in (*(getattr(tasks, name) for name in names), tasks.stop_session, tasks.visit_session):
        monkeypatch.setattr(task, "apply_async", record)
    return published


@pytest.mark.parametrize(("factory", "queue"), [("", "grading"), ("athens", "grading.athens")])
def test_a_worker_is_woken_for_a_grading_of_its_own_queue(sent: list[Any], factory: str, queue: str) -> None:
    tasks.send_grading(factory)
    ((args, options),) = sent
    assert (args, options["queue"]) == ((factory,), queue)


def test_wake_ups_do_not_pile_up_while_no_worker_takes_them(sent: list[Any]) -> None:
    tasks.send_grading()
    ((_args, options),) = sent
    assert options["expires"] > WAKE_AFTER.total_seconds()


@pytest.mark.parametrize(
    ("due", "there", "sent_now"),
    [(3, 0, 3), (3, MOST_WAKE_UPS - 1, 1), (3, MOST_WAKE_UPS, 0), (3, MOST_WAKE_UPS + 9, 0), (0, 0, 0)],
)
def test_a_sweep_wakes_as_many_as_it_was_told_unless_others_are_on_their_way(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch, due: int, there: int, sent_now: int
) -> None:
    monkeypatch.setattr("labs.work.grading.reconcile_gradings", lambda: due)
    monkeypatch.setattr(tasks, "count_messages", lambda queue: there if queue == "grading" else 0)
    tasks.reconcile_gradings()
    assert [args for args, _options in sent] == [("",)] * sent_now


@pytest.mark.django_db
def test_every_hub_is_swept_by_workers_of_no_factory(sent: list[Any]) -> None:
    hubs = [make.HubFactory.create() for _ in range(2)]
    tasks.reconcile_all_sessions()
    assert [(args, options["queue"]) for args, options in sent] == [
        ((hub.pk, hub.factory.slug), "sweeping") for hub in hubs
    ]
    assert all(options["expires"] for _args, options in sent)


def test_what_a_sweep_found_goes_to_the_factorys_own_queues(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(starts=[1], deliveries=[2], stops=[3], visits=[4])
    monkeypatch.setattr("labs.work.reconciling.reconcile_sessions", lambda _hub_id: sweep)
    tasks.reconcile_sessions(7, "athens")
    assert {args[0]: options["queue"] for args, options in sent} == {
        1: "spawning.athens",
        2: "visiting.athens",
        3: "visiting.athens",
        4: "visiting.athens",
    }


@pytest.mark.parametrize(("is_over", "sent_stops"), [(True, [(1,)]), (False, [])])
def test_a_visit_that_ends_a_session_has_it_stopped(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch, is_over: bool, sent_stops: list[Any]
) -> None:
    monkeypatch.setattr("labs.work.visiting.visit_session", lambda _session_id: is_over)
    tasks.visit_session(1, "athens")
    assert [args for args, _options in sent] == sent_stops


def test_checks_go_to_their_factorys_queue_and_letters_to_the_sweeping_one(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = AccountSweep(checks=[(3, "kajaani")], letters=[4])
    monkeypatch.setattr("labs.tasks.checking_accounts.reconcile_accounts", lambda: sweep)
    tasks.reconcile_accounts()
    assert [(args, options["queue"]) for args, options in sent] == [
        ((3,), "spawning.kajaani"),
        ((4,), "sweeping"),
    ]
    assert all(options["expires"] for _args, options in sent)
