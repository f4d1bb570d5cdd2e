"""Everything that Slurm can say of a job has words for people."""

from pathlib import Path

import pytest

from labs.services.slurm_words import PATTERNS, explain_job, explain_reason
from tests.factories import labs as make

RECORDED = Path(__file__).parents[2] / "recorded" / "slurm_job_reasons.txt"
REASONS = [line for line in RECORDED.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_slurm_has_a_sentence(reason: str) -> None:
    explained = explain_reason(reason)

    assert explained.term == ""
    assert str(explained.sentence).endswith(".")


def test_no_sentence_is_for_nothing() -> None:
    words = [reason.replace("_", " ") for reason in [*REASONS, ""]]
    meant = {next(pattern for pattern, _why in PATTERNS if pattern.fullmatch(word)) for word in words}

    assert [pattern.pattern for pattern, _why in PATTERNS if pattern not in meant] == []


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", "finding a place"),
        ("None", "finding a place"),
        ("(Priority)", "Others go before you"),
        ("Resources", "in use by others"),
        ("ReqNodeNotAvail, Reserved for maintenance", "being maintained"),
        ("ReqNodeNotAvail, UnavailableNodes:nid005024", "out of service"),
        ("ReqNodeNotAvail, UnavailableNodes:maintenance-1", "out of service"),
        ("PartitionDown", "starts nothing in this partition"),
        ("Reservation", "reserved for your cohort. It starts"),
        ("ReservationDeleted", "reserved no more"),
        ("QOSMaxJobsPerUserLimit", "as one person may have"),
        ("QOSMaxGRESPerUser", "as one person may have"),
        ("AssocMaxJobsLimit", "as one person may have"),
        ("MaxGRESPerAccount", "all that it may at once"),
        ("AssocGrpGRES", "all that it may at once"),
        ("QOSGrpCPURunMinutesLimit", "all that it may at once"),
        ("AssocGrpGRESMinutes", "is used up"),
        ("AssocGrpBillingMinutes", "is used up"),
        ("QOSMaxWallDurationPerJobLimit", "does not allow what your lab asked for"),
        ("QOSMinGRES", "does not allow what your lab asked for"),
        ("PartitionTimeLimit", "does not allow what your lab asked for"),
        ("InvalidQOS", "does not accept your course’s project"),
        ("JobHeldAdmin", "holds your lab back"),
        ("launch failed requeued held", "holds your lab back"),
        ("launch_failed_requeued_held", "holds your lab back"),
        ("RaisedSignal:9(Killed)", "the fault is the factory’s"),
    ],
)
def test_a_reason_says_what_it_means(reason: str, words: str) -> None:
    assert words in str(explain_reason(reason).sentence)


@pytest.mark.parametrize(
    ("reason", "is_stuck"),
    [("Priority", False), ("AssocGrpGRES", False), ("AssocGrpGRESMinutes", True), ("JobHeldUser", True)],
)
def test_who_waits_in_vain_is_told(reason: str, is_stuck: bool) -> None:
    assert explain_reason(reason).is_stuck == is_stuck
    assert ("hoose another place" in str(explain_reason(reason).sentence)) == is_stuck


def test_a_word_that_nobody_knows_is_shown_as_slurm_says_it() -> None:
    explained = explain_reason("QuantumFluctuation")

    assert explained.term == "QuantumFluctuation"
    assert "Your place is kept" in str(explained.sentence)


@pytest.mark.parametrize("state", ["REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"])
def test_a_state_can_say_more_than_the_reason(state: str) -> None:
    job = make.SlurmJobFactory.build(hub=None, state=state, reason="None")

    assert explain_job(job).is_stuck
