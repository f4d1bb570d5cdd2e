"""What the hub's log says of a Slurm that does not answer, over hours."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from tests.deploy.jupyterhub.slurm.watches import ask, make_watch
from tests.fakes.scheduler import FakeScheduler, NoAccounting, UnavailableScheduler

PACE = timedelta(seconds=15)


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "jupyterhub.slurm")


def test_an_outage_of_three_hours_is_five_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scheduler = UnavailableScheduler()
    watch = make_watch(scheduler, tmp_path)
    for _ in range(3 * 240 + 1):
        ask(watch)
        scheduler.now += PACE
    scheduler.is_down = False
    ask(watch, 3)

    said = [record.getMessage() for record in caplog.records]
    assert [line.startswith("Slurm gives no answer about: queue, partitions, ") for line in said[:-1]] == [
        True
    ] * 4
    assert said[-1] == "Slurm answers again, after 10815 s"


def test_the_accounting_alone_is_named_and_nothing_more_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = NoAccounting()
    watch = make_watch(scheduler, tmp_path)
    ask(watch, 5)
    scheduler.is_down = False
    ask(watch, 5)

    assert [record.getMessage() for record in caplog.records] == [
        "Slurm gives no answer about: ended jobs (no accounting by the test)",
        "Slurm answers again, after 0 s",
    ]


def test_a_fault_of_ours_is_told_with_where_it_happened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Nonsense(FakeScheduler):
        async def read_partitions(self):  # type: ignore[no-untyped-def]
            raise ValueError("nonsense by the test")

    ask(make_watch(Nonsense(), tmp_path), 3)

    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[0] is ValueError
