"""What Paja is told of Slurm, and that Paja's own reader takes it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploy.jupyterhub.slurm.jobs import Reservation
from deploy.jupyterhub.slurm.queue_answer import ENDED_MOST, QueueAnswer
from deploy.jupyterhub.slurm.watching import JobView, QueueWatch
from labs.jupyterhub import QueueAnswer as Read
from tests.deploy.jupyterhub.slurm.watches import NAME, ask, make_factory, make_watch, submit
from tests.fakes.scheduler import FakeScheduler, UnavailableScheduler, a_job


def answer_of(watch: QueueWatch) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(QueueAnswer(watch).render(None))
    return answer


def places_of(answer: dict[str, Any]) -> dict[str, int | None]:
    return {job["server"]: job["place"] for job in answer["jobs"]}


def test_jobs_are_told_with_their_places_and_partitions_with_their_gpus(tmp_path: Path) -> None:
    scheduler = FakeScheduler({"small-g": 8, "dev-g": 0})
    watch = make_watch(scheduler, tmp_path)
    for number in range(8):
        scheduler.add(a_job(f"vasp-{number}", unix_account="somebody"))
    submit(watch, "paja-s-00000001")
    submit(watch, "paja-s-00000002", unix_account="train02")
    submit(watch, "paja-s-00000003", partition="dev-g", kind="grading", user="p-grader")
    scheduler.reservations = [
        Reservation(
            name="maintenance", starts_at=scheduler.now + timedelta(days=9), ends_at=scheduler.now + timedelta(days=10),
            partition="", nodes=("nid000001",), accounts=(), users=(), is_maintenance=True,
        )
    ]  # fmt: skip
    ask(watch)
    submit(watch, "paja-s-00000004")

    answer = answer_of(watch)

    assert places_of(answer) == {"s-00000001": 1, "s-00000002": 2, "s-00000003": 1, "s-00000004": 3}
    small, dev = answer["partitions"]
    assert small["gpus"] == {"total": 8, "used": 8, "free": 0}
    assert small["jobs"] == {"pending": 2, "running": 8}
    # The eight end in an hour, and each of those before is taken to hold a GPU for a day.
    assert [each["expected_wait_seconds"] for each in small["flavours"]] == [3600]
    assert [each["name"] for each in dev["reservations"]] == ["maintenance"]
    assert dev["flavours"][0]["expected_wait_seconds"] is None
    assert answer["unix_accounts"][-1] == {"name": "robot1", "kind": "robot", "is_shared": False}
    assert answer["account_kinds"] == ["pool", "robot"]

    read = Read.from_wire(answer)
    assert read.has_slurm
    assert {job.kind for job in read.jobs} == {"session", "grading"}
    assert read.answered_at == scheduler.now


def test_an_ending_is_told_to_whoever_has_not_heard_of_it(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    answers = QueueAnswer(watch)
    job = submit(watch)
    ask(watch)
    before = Read.from_wire(json.loads(answers.render(None)))
    scheduler.advance(timedelta(minutes=5))
    watch.note_stopping(NAME)
    scheduler.end(job.job_id, "CANCELLED", cancelled_by="train01")
    ask(watch)

    (ended,) = Read.from_wire(json.loads(answers.render(before.ended_until))).ended
    again = Read.from_wire(json.loads(answers.render(before.ended_until)))

    assert (ended.job_id, ended.state, ended.is_ended_by_hub) == (job.job_id, "CANCELLED", True)
    assert ended.submitted_at == before.jobs[0].submitted_at
    assert (ended.started_at, ended.ended_at) == (job.started_at, job.ended_at)
    assert not again.jobs
    assert not Read.from_wire(json.loads(answers.render(again.ended_until))).ended


def test_more_endings_than_are_told_at_once_come_in_turn(tmp_path: Path) -> None:
    scheduler = FakeScheduler({"small-g": 2000})
    watch = make_watch(scheduler, tmp_path)
    jobs = [submit(watch, f"paja-s-{number:08x}") for number in range(ENDED_MOST + 5)]
    for job in jobs:
        scheduler.end(job.job_id)
    ask(watch)
    answers = QueueAnswer(watch)

    first = Read.from_wire(json.loads(answers.render(None)))
    second = Read.from_wire(json.loads(answers.render(first.ended_until)))

    assert len(first.ended) == ENDED_MOST
    assert {job.job_id for job in (*first.ended, *second.ended)} == {job.job_id for job in jobs}
    assert len(second.ended) == 5


def test_a_silent_slurm_is_said_to_be_silent_and_what_was_known_stays(tmp_path: Path) -> None:
    scheduler = UnavailableScheduler()
    watch = make_watch(scheduler, tmp_path)
    submit(watch)
    ask(watch)
    nothing = answer_of(watch)
    assert (nothing["answered_at"], nothing["is_answering"]) == (None, False)
    assert (nothing["jobs"], nothing["partitions"]) == ([], [])
    Read.from_wire(nothing)

    scheduler.is_down = False
    ask(watch)
    known = answer_of(watch)
    scheduler.is_down = True
    scheduler.now += timedelta(hours=2)
    ask(watch)
    silent = answer_of(watch)

    assert not silent["is_answering"]
    for name in ("answered_at", "jobs", "partitions"):
        assert silent[name] == known[name]


def test_refusals_and_checks_are_told_for_an_hour(tmp_path: Path) -> None:
    scheduler = FakeScheduler()
    watch = make_watch(scheduler, tmp_path)
    watch.note_refused("p-0000ada1", "s-00000001", "quota_exceeded")
    watch.note_checked("kurki", "s-00000002", "passed")

    read = Read.from_wire(answer_of(watch))
    assert read.find_refusal("s-00000001") == "quota_exceeded"
    assert [(check.unix_account, check.is_passed) for check in read.checks] == [("kurki", True)]

    scheduler.now += timedelta(minutes=61)
    assert not answer_of(watch)["refused"]
    assert not answer_of(watch)["checks"]


def test_what_is_common_is_made_once_for_an_answer(tmp_path: Path) -> None:
    class Counting(QueueWatch):
        lists = 0

        def list_open(self) -> list[JobView]:
            self.lists += 1
            return super().list_open()

    scheduler = FakeScheduler()
    watch = Counting(scheduler, make_factory(), tmp_path, now=lambda: scheduler.now)
    ask(watch)
    answers = QueueAnswer(watch)

    for _ in range(5):
        answers.render(None)
    assert watch.lists == 1
    ask(watch)
    answers.render(None)
    assert watch.lists == 2
