"""Places: one each, without holes, by Slurm's priority, and never better for who came later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deploy.jupyterhub.slurm.places import Waiting, rank_places

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@st.composite
def queues(draw: st.DrawFn) -> list[Waiting]:
    """Jobs as Slurm numbers them: a later one never has an earlier time."""
    seconds = sorted(draw(st.lists(st.integers(0, 20), max_size=30)))
    return draw(
        st.permutations(
            [
                Waiting(
                    job_id=str(95 + number),
                    partition=draw(st.sampled_from(["small-g", "dev-g"])),
                    priority=draw(st.none() | st.integers(0, 3)),
                    submitted_at=NOON + timedelta(seconds=second),
                    is_answered=draw(st.booleans()),
                )
                for number, second in enumerate(seconds)
            ]
        )
    )


@given(queues())
def test_places_of_a_partition_are_one_to_n_without_holes(jobs: list[Waiting]) -> None:
    places = rank_places(jobs)

    for partition in ("small-g", "dev-g"):
        own = sorted(places[job.job_id] for job in jobs if job.partition == partition)
        assert own == list(range(1, len(own) + 1))


@given(queues())
def test_places_follow_slurms_priority(jobs: list[Waiting]) -> None:
    places = rank_places(jobs)

    ranked = [job for job in jobs if job.is_answered and job.priority is not None]
    for first in ranked:
        for second in ranked:
            if first.partition == second.partition and (first.priority or 0) > (second.priority or 0):
                assert places[first.job_id] < places[second.job_id]


@given(queues(), st.booleans())
def test_whoever_comes_later_is_behind_those_of_equal_priority(
    jobs: list[Waiting], is_answered: bool
) -> None:
    new = Waiting(
        job_id="1000",
        partition="small-g",
        priority=2,
        submitted_at=NOON + timedelta(seconds=20),
        is_answered=is_answered,
    )
    before, after = rank_places(jobs), rank_places([*jobs, new])

    for job in jobs:
        if job.partition != "small-g":
            assert after[job.job_id] == before[job.job_id]
        elif job.priority == 2 and job.is_answered:
            assert after[job.job_id] < after["1000"]
    if not is_answered:
        assert after["1000"] == max(after[job.job_id] for job in [*jobs, new] if job.partition == "small-g")


@given(queues())
def test_a_place_only_improves_when_somebody_of_the_partition_leaves(jobs: list[Waiting]) -> None:
    before = rank_places(jobs)

    for left in jobs:
        after = rank_places([job for job in jobs if job is not left])
        for job in jobs:
            if job is not left:
                is_behind = job.partition == left.partition and before[job.job_id] > before[left.job_id]
                assert after[job.job_id] == before[job.job_id] - is_behind


def test_of_two_in_the_same_second_the_lower_id_is_first() -> None:
    job = Waiting(job_id="9", partition="small-g", priority=1, submitted_at=NOON, is_answered=True)

    assert rank_places([replace(job, job_id="10"), job]) == {"9": 1, "10": 2}


def test_a_job_that_slurm_has_not_ranked_is_behind_all_that_it_has() -> None:
    ranked = Waiting(job_id="9", partition="small-g", priority=None, submitted_at=NOON, is_answered=True)
    new = replace(ranked, job_id="8", submitted_at=NOON - timedelta(seconds=1), is_answered=False)

    assert rank_places([new, ranked]) == {"9": 1, "8": 2}
