from datetime import UTC, datetime

import pytest

from deploy.jupyterhub.slurm.readings import (
    count_gres_gpus,
    count_tres_gpus,
    expand_hosts,
    read_minutes,
    read_number,
    read_reason,
    read_time,
)
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError


def test_a_time_is_in_utc() -> None:
    assert read_time("1795382141") == datetime(2026, 11, 22, 21, 15, 41, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "N/A", "Unknown", "None", "NONE", "(null)", "0"])
def test_a_time_may_be_missing(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize("text", ["32503680001", "253370764800", "1001795385269"])
def test_a_start_that_somebody_asks_for_in_the_year_9999_is_none_and_spoils_no_answer(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize("text", ["2026-11-22T21:15:41", "-1", "1e9", "9" * 5000, "١٢", " 1", "1795382141\n"])
def test_what_is_no_time_is_no_answer(text: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        read_time(text)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("3-00:00:00", 4320),
        ("3-12", 5040),
        ("1-02:30", 1590),
        ("03:00:00", 180),
        ("3:00:00", 180),
        ("0:00:30", 1),
        ("30:00", 30),
        ("30:01", 31),
        ("30", 30),
        ("UNLIMITED", None),
        ("infinite", None),
        ("n/a", None),
    ],
)
def test_a_limit_is_in_minutes(text: str, minutes: int | None) -> None:
    assert read_minutes(text) == minutes


@pytest.mark.parametrize("text", ["soon", "1:2:3:4", "1-", "-5", "5 days", "1:2"])
def test_what_is_no_limit_is_no_answer(text: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        read_minutes(text)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "N/A", "9" * 40])
def test_what_is_no_number_is_no_answer(text: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("None", ""),
        ("Resources", "Resources"),
        ("ReqNodeNotAvail, " + "n" * 500, "ReqNodeNotAvail, " + "n" * 111),
    ],
)
def test_a_reason_is_slurms_word_and_never_long(text: str, reason: str) -> None:
    assert read_reason(text) == reason


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("(null)", 0),
        ("gpu:8", 8),
        ("gpu:mi250x:8", 8),
        ("gpu:mi250x:8(S:0-3)", 8),
        ("gpu:mi250x:7(IDX:0-4,6-7)", 7),
        ("gpu:mi250x:0(IDX:N/A)", 0),
        ("gpu:gh200:4(S:0),gpu:gh200_1g.12gb:7(S:1),shard:100,nvme:1.5T", 11),
        ("gpu:h100:no_consume:4", 4),
        ("craynetwork:4", 0),
    ],
)
def test_gpus_and_slices_of_a_node_are_counted(text: str, gpus: int) -> None:
    assert count_gres_gpus(text) == gpus


@pytest.mark.parametrize("text", ["gpu", "gpu:", "gpu:many", "gpu:mi250x:8 "])
def test_what_counts_no_gpus_is_no_answer(text: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        count_gres_gpus(text)


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("cpu=7,mem=60G,node=1,billing=7,gres/gpu=2", 2),
        ("cpu=7,gres/gpu:mi250x=2,gres/gpu=2", 2),
        ("gres/gpu:gh200=1,gres/gpu:gh200_1g.12gb=3", 4),
        ("cpu=1,mem=1G", 0),
        ("", 0),
    ],
)
def test_gpus_of_a_job_are_counted_once(text: str, gpus: int) -> None:
    assert count_tres_gpus(text) == gpus


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", ()),
        ("None assigned", ()),
        ("(null)", ()),
        ("nid005000", ("nid005000",)),
        ("nid[005000-005002,005010],gpu1", ("nid005000", "nid005001", "nid005002", "nid005010", "gpu1")),
        ("r[1-2]n[09-10]", ("r1n09", "r1n10", "r2n09", "r2n10")),
        ("n[8-11].example", ("n8.example", "n9.example", "n10.example", "n11.example")),
    ],
)
def test_nodes_are_told_one_by_one(text: str, hosts: tuple[str, ...]) -> None:
    assert expand_hosts(text) == hosts


@pytest.mark.parametrize(
    "text",
    [
        "n[1-999999999]",
        "n[1-9999]x[1-9999]",
        "n[5-1]",
        "n[1-2",
        "n]1",
        "n[a]",
        "n;rm",
        "n 1",
        ",",
        "n[1-15000],n[1-15000]",
    ],
)
def test_what_lists_no_nodes_is_no_answer(text: str) -> None:
    with pytest.raises(SchedulerUnavailableError):
        expand_hosts(text)
