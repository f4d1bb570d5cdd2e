"""What FirecREST is told, and when it has not heard."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError
from tests.deploy.jupyterhub.slurm.firecrests import (
    JOB,
    JOBS,
    SCRIPT,
    firecrest,
    submit,
)
from tests.fakes.scheduler import NOON
from tests.servers.firecrest import (
    ROBOT,
    ApiTransport,
    FirecrestApi,
    error,
    slurm_error,
)


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


def test_a_script_with_lines_of_its_own_to_slurm_is_refused() -> None:
    api = FirecrestApi()
    with pytest.raises(SubmitRefusedError):
        asyncio.run(firecrest(api).submit(replace(JOB, unix_account=ROBOT), SCRIPT + "#SBATCH --uid=0\n"))
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
