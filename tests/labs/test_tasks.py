"""The tasks: to which queue each goes, and when it is not worth doing any more."""

from typing import Any

import pytest

from labs import tasks
from labs.states import GradingStatus
from labs.work.grading import longest_seconds
from tests.factories import labs as make


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """What is published, with its options, of the tasks that these tests send."""
    published: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    for task in (tasks.grade_submission, tasks.reconcile_sessions):
        monkeypatch.setattr(task, "apply_async", lambda args, **options: published.append((args, options)))
    return published


@pytest.mark.django_db
def test_a_grading_is_sent_with_the_time_that_it_can_take(sent: list[Any]) -> None:
    run = make.GradingRunFactory.create(status=GradingStatus.QUEUED)
    tasks.send_grading(run.pk)
    assert sent == [((run.pk,), {"time_limit": longest_seconds(run.pk)})]


@pytest.mark.django_db
def test_every_hub_is_swept_in_the_queue_of_its_factory(sent: list[Any]) -> None:
    hubs = [make.HubFactory.create() for _ in range(2)]
    tasks.reconcile_all_sessions()
    assert [(args[0], options["queue"]) for args, options in sent] == [
        (hub.pk, f"spawning.{hub.factory.slug}") for hub in hubs
    ]
    assert all(options["expires"] for _args, options in sent)
