"""What FirecREST is told, what it cannot tell, and when its answer is none."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from deploy.jupyterhub.slurm.firecrest import FirecrestScheduler
from deploy.jupyterhub.slurm.firecrest_http import FirecrestHttp, Secret
from deploy.jupyterhub.slurm.jobs import Reservation
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError
from tests.fakes.scheduler import NOON, a_job
from tests.servers.firecrest import (
    CLIENT_ID,
    CLIENT_SECRET,
    ROBOT,
    SYSTEM,
    ApiTransport,
    FirecrestApi,
    error,
    slurm_error,
)

URL = "https://firecrest.example.org"
SCRIPT = "#!/usr/bin/python3 -I\nTOKEN = 'secret-of-the-script'\n"
JOB = a_job()
JOBS = f"GET /compute/{SYSTEM}/jobs"


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def firecrest(
    api: FirecrestApi | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] | None = None,
    secret: str = CLIENT_SECRET,
) -> FirecrestScheduler:
    return FirecrestScheduler(
        url=URL,
        system=SYSTEM,
        token_url=f"{URL}/token",
        client_id=CLIENT_ID,
        client_secret=secret,
        unix_account=ROBOT,
        partitions=["small-g", "dev-g"],
        prefix="paja-",
        transport=transport or ApiTransport(api or FirecrestApi()),
        clock=clock or Clock(),
    )


def submit(scheduler: FirecrestScheduler, **changes: object) -> str:
    job = replace(JOB, unix_account=ROBOT)
    return asyncio.run(scheduler.submit(replace(job, **changes), SCRIPT))  # type: ignore[arg-type]


def answering(*answers: httpx.Response | Exception, token: bool = True) -> httpx.MockTransport:
    """One answer after the other, the last for ever; before them a token for whoever asks."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if token and request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "token", "expires_in": 300})
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return httpx.MockTransport(answer)


def test_what_firecrest_has_no_field_for_stands_behind_the_first_line() -> None:
    api = FirecrestApi()
    submit(firecrest(api), qos="course", reservation="course_day")

    (order,) = api.orders
    assert {name: value for name, value in order.items() if name != "script"} == {
        "name": JOB.name,
        "account": JOB.account,
        "workingDirectory": "/",
        "standardInput": "/dev/null",
        "standardOutput": "/dev/null",
        "standardError": "/dev/null",
    }
    lines = order["script"].split("\n")
    assert lines[0] == "#!/usr/bin/python3 -I"
    assert {"#SBATCH --partition=small-g", "#SBATCH --gres=gpu:1", "#SBATCH --time=60"} <= set(lines)
    assert {"#SBATCH --qos=course", "#SBATCH --reservation=course_day", "#SBATCH --no-requeue"} <= set(lines)
    assert lines[-2:] == ["TOKEN = 'secret-of-the-script'", ""]


@pytest.mark.parametrize("value", ["course\n#SBATCH --uid=0", "a b", "--x"])
@pytest.mark.parametrize("field", ["name", "partition", "gres", "account", "qos", "reservation"])
def test_no_value_makes_a_line_of_its_own(field: str, value: str) -> None:
    api = FirecrestApi()
    with pytest.raises(SubmitRefusedError):
        submit(firecrest(api), **{field: value})
    assert api.orders == []


def test_another_account_than_the_clients_own_is_refused() -> None:
    api = FirecrestApi()
    with pytest.raises(SubmitRefusedError) as refused:
        submit(firecrest(api), unix_account="train01")
    assert refused.value.reason == "unix_account_refused"
    assert api.orders == []


def test_slurms_own_refusal_has_its_reason_although_firecrest_calls_it_a_fault_of_its_own() -> None:
    api = FirecrestApi()
    firecrest_down = firecrest(api)
    api.fault = slurm_error(
        "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed"
    )

    with pytest.raises(SubmitRefusedError) as refused:
        submit(firecrest_down)
    assert refused.value.reason == "too_many_jobs"


@pytest.mark.parametrize("status", [400, 403, 409, 413, 422])
def test_an_order_that_is_none_for_it_is_refused_without_its_words(status: int) -> None:
    api = FirecrestApi(fault=error(status, f"input: {SCRIPT}", kind="validation"))

    with pytest.raises(SubmitRefusedError) as refused:
        submit(firecrest(api))
    assert refused.value.reason == "submit_refused"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "fault",
    [
        error(500, f"An error occurred: {SCRIPT}"),
        error(502, "Bad Gateway"),
        error(503, "down"),
        error(429, "slowly"),
        error(408, "too long"),
        error(404, "no such system"),
        slurm_error("sbatch: error: Batch job submission failed: Unable to contact slurm controller"),
        (302, {"location": "elsewhere"}),
        (201, {"jobId": None}),
        (201, {}),
        (201, ["1"]),
        (201, None),
        (201, {"jobId": True}),
    ],
)
def test_who_gets_no_answer_to_an_order_knows_nothing(fault: tuple[int, object]) -> None:
    with pytest.raises(SchedulerUnavailableError) as unavailable:
        submit(firecrest(FirecrestApi(fault=fault)))
    assert "secret" not in str(unavailable.value)


@pytest.mark.parametrize("job_id", ["--x", "1/../2", "0", "12a", "1\n"])
def test_a_job_id_that_is_none_is_not_believed(job_id: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        submit(firecrest(FirecrestApi(fault=(201, {"jobId": job_id}))))


@pytest.mark.parametrize("job_id", ["1/../../status", "x", "1?y=2", ""])
def test_only_a_jobs_id_comes_into_an_address(job_id: str) -> None:
    api = FirecrestApi()
    with pytest.raises(SubmitRefusedError):
        asyncio.run(firecrest(api).cancel([(job_id, ROBOT)]))
    assert not api.asked


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("nonsense"),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"jobs": {}}),
        httpx.Response(200, json={"jobs": ["x"]}),
        httpx.Response(200, json={"jobs": [{"jobId": 1}]}),
        httpx.Response(200, json={"jobs": [{"jobId": 1, "status": {"state": "<b>"}, "time": {}}]}),
        httpx.Response(301, headers={"location": "http://127.0.0.1/"}),
        httpx.Response(500, json={"message": "x"}),
        httpx.Response(429),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_empty_queue(answer: httpx.Response | Exception) -> None:
    with pytest.raises(SchedulerUnavailableError):
        asyncio.run(firecrest(transport=answering(answer)).read_queue())


def test_more_than_anybody_should_say_is_no_answer() -> None:
    async def ask() -> None:
        http = FirecrestHttp(
            url=URL, token_url=f"{URL}/token", client_id="a", client_secret="b", questions=firecrest().questions,
            transport=answering(httpx.Response(200, content=b"x" * 1001)), answer_bytes=1000,
        )  # fmt: skip
        await http.ask("GET", "/status")

    with pytest.raises(SchedulerUnavailableError, match="more than 1000 bytes"):
        asyncio.run(ask())


def test_who_takes_too_long_in_all_gives_no_answer() -> None:
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                await asyncio.sleep(0.01)
                yield b" "

    async def ask() -> None:
        http = FirecrestHttp(
            url=URL, token_url=f"{URL}/token", client_id="a", client_secret="b", questions=firecrest().questions,
            transport=answering(httpx.Response(200, stream=Dripping())), seconds=0.2,
        )  # fmt: skip
        await http.ask("GET", "/status")

    with pytest.raises(SchedulerUnavailableError, match="TimeoutError"):
        asyncio.run(ask())


async def read_twice(scheduler: FirecrestScheduler, between: Callable[[], None]) -> None:
    await scheduler.read_reservations()
    between()
    await scheduler.read_reservations()


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    api, clock = FirecrestApi(), Clock()
    scheduler = firecrest(api, clock=clock)
    asyncio.run(read_twice(scheduler, lambda: setattr(clock, "seconds", clock.seconds + 200)))
    assert len(api.tokens) == 1

    api = FirecrestApi()
    asyncio.run(
        read_twice(firecrest(api, clock=clock), lambda: setattr(clock, "seconds", clock.seconds + 280))
    )
    assert len(api.tokens) == 2


def test_a_token_that_is_refused_is_fetched_anew_once() -> None:
    api = FirecrestApi()
    asyncio.run(read_twice(firecrest(api), lambda: api.tokens.append("another's")))

    assert [token for token in api.tokens if token != "another's"] == ["token-0", "token-2"]


def test_a_token_that_is_refused_again_is_no_answer() -> None:
    scheduler = firecrest(transport=answering(httpx.Response(401)))
    with pytest.raises(SchedulerUnavailableError, match="twice"):
        asyncio.run(scheduler.read_queue())
    assert scheduler.questions["token"] == 2


def test_many_who_need_a_token_wait_for_one() -> None:
    api = FirecrestApi()

    async def ask() -> None:
        scheduler = firecrest(api)
        await asyncio.gather(*(scheduler.read_reservations() for _ in range(20)))

    asyncio.run(ask())
    assert len(api.tokens) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"error": "unauthorized_client"}),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": 7}),
        httpx.Response(200, json={"access_token": "a\r\nX-Other: b", "expires_in": 60}),
        httpx.Response(200, json={"access_token": "a", "expires_in": "soon"}),
        httpx.Response(200, content=b"x" * 100_000),
        httpx.Response(302, headers={"location": "http://127.0.0.1/"}),
        httpx.ConnectError("refused"),
    ],
)
def test_without_a_token_nothing_is_known(answer: httpx.Response | Exception) -> None:
    with pytest.raises(SchedulerUnavailableError):
        asyncio.run(firecrest(transport=answering(answer, token=False)).read_queue())


def test_secrets_are_shown_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api = FirecrestApi()
    scheduler = firecrest(api)
    submit(scheduler)

    shown = caplog.text + repr(vars(scheduler)) + repr(vars(scheduler._http)) + repr(Secret("token-0"))
    assert CLIENT_SECRET not in shown
    assert "token-0" not in shown
    assert "secret-of-the-script" not in caplog.text


def test_jobs_of_the_queue_and_ended_ones_come_from_one_answer() -> None:
    api = FirecrestApi()
    scheduler = firecrest(api)

    async def follow() -> None:
        for _ in range(3):
            await asyncio.gather(scheduler.read_queue(), scheduler.read_ended(NOON))

    asyncio.run(follow())
    assert api.asked[JOBS] == 3


def test_a_question_about_the_queue_is_always_asked_anew() -> None:
    api = FirecrestApi()
    scheduler = firecrest(api)

    async def ask() -> list[int]:
        first = await scheduler.read_queue()
        api.slurm.add(replace(JOB, unix_account=ROBOT))
        return [len(first), len(await scheduler.read_queue())]

    assert asyncio.run(ask()) == [0, 1]


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


def test_one_that_cannot_be_cancelled_keeps_no_other_from_it() -> None:
    api = FirecrestApi()
    jobs = [api.slurm.add(replace(JOB, unix_account=ROBOT)).job_id for _ in range(2)]

    class Failing(ApiTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE" and request.url.path.endswith(jobs[0]):
                return httpx.Response(503)
            return await super().handle_async_request(request)

    with pytest.raises(SchedulerUnavailableError, match="503"):
        asyncio.run(firecrest(transport=Failing(api)).cancel([(job_id, ROBOT) for job_id in jobs]))
    assert api.slurm.jobs[jobs[1]].state == "CANCELLED"
