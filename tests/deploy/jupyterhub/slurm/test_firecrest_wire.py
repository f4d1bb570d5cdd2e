"""What FirecREST tells, and what it cannot."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from deploy.jupyterhub.slurm.jobs import Reservation
from tests.deploy.jupyterhub.slurm.firecrests import (
    JOB,
    answering,
    firecrest,
)
from tests.fakes.scheduler import NOON
from tests.servers.firecrest import (
    SYSTEM,
    FirecrestApi,
)


def test_what_firecrest_cannot_tell_is_none() -> None:
    api = FirecrestApi()
    api.slurm.add(JOB)

    async def read() -> None:
        scheduler = firecrest(api)
        (job,) = await scheduler.read_queue()
        state = (await scheduler.read_partitions())[0]
        assert (job.gpus, job.user) == (None, "train01")  # others' jobs are told too
        assert (state.gpus_total, state.gpus_used, state.gpus_free) == (None, None, None)
        assert (state.is_up, state.nodes_total, state.time_limit_minutes) == (True, 1, None)

    asyncio.run(read())


def test_a_closed_partition_is_not_up() -> None:
    api = FirecrestApi()
    api.slurm.closed.add("small-g")

    states = asyncio.run(firecrest(api).read_partitions())
    assert [(state.name, state.is_up) for state in states] == [("small-g", False), ("dev-g", True)]


def test_reservations_are_told_without_whom_they_are_for() -> None:
    api = FirecrestApi()
    kept = Reservation(
        name="course_day", starts_at=NOON, ends_at=NOON + timedelta(hours=7), partition="small-g",
        nodes=("nid000001",), accounts=("project_465000001",), users=(), is_maintenance=False,
    )  # fmt: skip
    api.slurm.reservations = [kept, replace(kept, name="maintenance_2026-12")]

    day, maintenance = asyncio.run(firecrest(api).read_reservations())
    assert day == replace(kept, partition="", accounts=())
    assert maintenance.is_maintenance


def test_an_expected_start_is_told_where_firecrest_knows_it() -> None:
    api = FirecrestApi()
    job = api.slurm.add(replace(JOB, gres="gpu:64"))
    api.slurm.hold(job.job_id, "Resources", NOON + timedelta(hours=1))

    (found,) = asyncio.run(firecrest(api).read_queue())
    assert (found.reason, found.expected_start_at) == ("Resources", NOON + timedelta(hours=1))


def a_wire_job(**time: object) -> dict[str, object]:
    """As an older FirecREST tells of one: a number for an id, and nothing that it need not tell."""
    return {
        "jobId": 7, "name": JOB.name, "allocationNodes": 1, "cluster": SYSTEM, "nodes": "nid[000001-000002]",
        "partition": "small-g", "user": None, "workingDirectory": "/", "time": time,
        "status": {"state": "RUNNING"},
    }  # fmt: skip


def test_an_older_firecrest_tells_less() -> None:
    wire = a_wire_job(start=1795382142, limit=3600, end=None)
    (job,) = asyncio.run(
        firecrest(transport=answering(httpx.Response(200, json={"jobs": [wire]}))).read_queue()
    )

    assert (job.job_id, job.user, job.account, job.reason) == ("7", "", "", "")
    assert (job.submitted_at, job.priority) == (None, None)
    assert job.started_at == datetime(2026, 11, 22, 21, 15, 42, tzinfo=UTC)
    assert job.ends_at == job.started_at + timedelta(hours=1)
    assert job.nodes == ("nid000001", "nid000002")


def test_jobs_of_partitions_that_are_not_offered_are_left_out() -> None:
    wire = a_wire_job() | {"partition": "standard-g"}
    scheduler = firecrest(transport=answering(httpx.Response(200, json={"jobs": [wire]})))

    assert asyncio.run(scheduler.read_queue()) == []


def test_no_jobs_at_all_may_be_written_as_null() -> None:
    assert (
        asyncio.run(firecrest(transport=answering(httpx.Response(200, json={"jobs": None}))).read_queue())
        == []
    )


def test_who_cancelled_a_job_is_told() -> None:
    wire = a_wire_job(start=1795382142, end=1795382218)
    wires = [
        wire | {"jobId": 1, "status": {"state": "CANCELLED by 1000", "interruptSignal": 15}},
        wire | {"jobId": 2, "status": {"state": "CANCELLED"}, "killRequestUser": "root"},
        wire | {"jobId": 3, "status": {"state": "FAILED", "exitCode": 1}, "nodes": "None assigned"},
    ]
    scheduler = firecrest(transport=answering(httpx.Response(200, content=json.dumps({"jobs": wires}))))

    first, second = asyncio.run(scheduler.read_ended(NOON))
    assert (first.state, first.cancelled_by, first.signal) == ("CANCELLED", "1000", 15)
    assert (second.state, second.cancelled_by) == ("CANCELLED", "root")
