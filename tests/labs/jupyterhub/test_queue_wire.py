"""What a hub says of its batch system: read as it is, and refused whole where any of it has another shape."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from labs.exceptions import HubUnavailableError
from labs.jupyterhub import HubClient, QueueAnswer

AT = "2026-11-22T09:00:00+00:00"
MOMENT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

JOB = {
    "job_id": "1001",
    "user": "p-00000001",
    "server": "s-1f00ba12",
    "kind": "session",
    "state": "PENDING",
    "reason": "Resources",
    "place": 4,
    "partition": "small-g",
    "flavour": "one-gpu",
    "unix_account": "train01",
    "gpus": 1,
    "weight": 0.5,
    "submitted_at": AT,
    "started_at": None,
    "expected_start_at": AT,
    "ends_at": None,
}
ENDED = JOB | {"state": "CANCELLED", "ended_at": AT, "is_ended_by_hub": False, "cancelled_by_other": True}
FLAVOUR = {"slug": "one-gpu", "gpus": 1, "cores": 7, "memory_gb": 60, "minutes_max": 480, "weight": 0.5}
RESERVATION = {
    "name": "course",
    "starts_at": AT,
    "ends_at": AT,
    "nodes": 16,
    "accounts": ["project"],
    "is_maintenance": False,
}
PARTITION = {
    "name": "small-g",
    "is_up": True,
    "nodes": {"total": 2, "idle": 1, "down": 0},
    "gpus": {"total": 16, "used": 5, "free": 11},
    "jobs": {"pending": 0, "running": 5},
    "reservations": [RESERVATION],
    "flavours": [FLAVOUR],
}
CHECK = {"unix_account": "ada", "server": "s-1f00ba13", "outcome": "failed", "reason": "job_failed", "at": AT}
ANSWER: dict[str, Any] = {
    "scheduler": "slurm",
    "answered_at": AT,
    "is_answering": True,
    "pace_seconds": 15,
    "questions": 12,
    "jobs": [JOB],
    "ended": [ENDED],
    "ended_until": AT,
    "refused": [
        {"user": "p-1", "server": "s-1f00ba14", "reason": "quota_exceeded", "at": "2026-11-22T10:00:00Z"},
        {"user": "p-1", "server": "s-1f00ba14", "reason": "too_many_jobs", "at": AT},
    ],
    "partitions": [PARTITION],
    "unix_accounts": [{"name": "train01", "kind": "pool", "is_shared": False}],
    "checks": [CHECK],
}


def read(answer: object, status: int = 200) -> QueueAnswer:
    def respond(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=json.dumps(answer))

    return asking(respond).read_queue()


def asking(respond: Callable[[httpx.Request], httpx.Response]) -> HubClient:
    return HubClient("http://127.0.0.1:8010/hub/api", "token", transport=httpx.MockTransport(respond))


def test_an_answer_is_read_as_it_is() -> None:
    answer = read(ANSWER)
    (job,), (ended,), (partition,) = answer.jobs, answer.ended, answer.partitions
    assert (answer.has_slurm, answer.answered_at, answer.is_answering) == (True, MOMENT, True)
    assert (job.server, job.place, job.weight, job.expected_start_at) == (
        "s-1f00ba12",
        4,
        Decimal("0.5"),
        MOMENT,
    )
    assert (ended.state, ended.ended_at, ended.is_cancelled_by_other) == ("CANCELLED", MOMENT, True)
    assert (partition.gpus_free, partition.flavours[0].cores) == (11, 7)
    assert partition.reservations[0].as_json() == RESERVATION
    assert answer.find_refusal("s-1f00ba14") == "quota_exceeded"  # the newest, whatever the order
    assert answer.find_refusal("s-1f00ba12") == ""
    assert (answer.unix_accounts[0].kind, answer.checks[0].is_passed) == ("pool", False)


def test_what_ended_after_a_moment_is_asked_for() -> None:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=json.dumps({"scheduler": "none"}))

    assert asking(respond).read_queue(MOMENT) == QueueAnswer()
    assert seen[0].url.path == "/hub/api/paja/queue"
    assert seen[0].url.params["since"] == AT


def test_a_hub_that_knows_no_such_question_has_no_slurm() -> None:
    assert not read({}, status=404).has_slurm


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("jobs", {"server": "s" * 33}),
        ("jobs", {"server": ""}),
        ("jobs", {"reason": "a\nb"}),
        ("jobs", {"state": "a\0"}),
        ("jobs", {"place": -1}),
        ("jobs", {"place": 2**31}),
        ("jobs", {"place": True}),
        ("jobs", {"weight": float("1e300")}),
        ("jobs", {"weight": "1"}),
        ("jobs", {"weight": -0.1}),
        ("jobs", {"started_at": "2026-11-22T09:00:00"}),
        ("ended", {"is_ended_by_hub": 1}),
        ("partitions", {"nodes": [1]}),
        ("partitions", {"is_up": None}),
        ("partitions", {"flavours": [FLAVOUR | {"slug": None}]}),
        ("partitions", {"reservations": [RESERVATION | {"ends_at": None}]}),
        ("unix_accounts", {"kind": "own"}),
        ("checks", {"outcome": "maybe"}),
        ("refused", {"at": "yesterday"}),
    ],
)
def test_one_part_of_another_shape_makes_it_no_answer(part: str, changes: dict[str, object]) -> None:
    with pytest.raises(HubUnavailableError) as caught:
        read({**ANSWER, part: [ANSWER[part][0] | changes]})
    assert caught.value.reason == "hub_answer"


@pytest.mark.parametrize(
    "answer",
    [[], {}, {"scheduler": "slurm"}, ANSWER | {"jobs": {}}, ANSWER | {"refused": [None] * 10_001}],
)
def test_nonsense_is_no_answer(answer: object) -> None:
    with pytest.raises(HubUnavailableError) as caught:
        read(answer)
    assert caught.value.reason == "hub_answer"
