"""A plan against one that tries every node at every moment."""

from random import Random

import pytest

from deploy.jupyterhub.slurm.node_plan import FOR_EVER, Node, Plan


def fits(held: list[tuple[float, float, int]], node_gpus: int, gpus: int, begin: float, lasts: float) -> bool:
    moments = [begin, *(first for first, _, _ in held if begin < first < begin + lasts)]
    return all(
        sum(count for first, last, count in held if first <= at < last) + gpus <= node_gpus for at in moments
    )


@pytest.mark.parametrize("seed", range(20))
def test_each_job_begins_when_it_fits_first(seed: int) -> None:
    random = Random(seed)
    plan = Plan([Node(8) for _ in range(5)], 8)
    held: list[list[tuple[float, float, int]]] = [[] for _ in range(5)]
    for _ in range(40):
        gpus, lasts = random.randint(1, 8), random.choice([60, 240, 600])
        ends = sorted({0.0, *(last for each in held for _, last, _ in each)})
        expected = next(at for at in ends if any(fits(each, 8, gpus, at, lasts) for each in held))

        assert plan.find_start(gpus, lasts) == expected

        if random.random() < 0.5:
            plan.hold_first(gpus, lasts)
        else:
            expected += 30
            if not plan.hold_at(gpus, lasts, expected):
                continue
        index = next(n for n, node in enumerate(plan.nodes) if total(node) != sum(map(area, held[n])))
        held[index].append((expected, expected + lasts, gpus))
        assert total(plan.nodes[index]) == sum(map(area, held[index]))


def area(each: tuple[float, float, int]) -> float:
    return (each[1] - each[0]) * each[2]


def total(node: Node) -> float:
    """GPU-seconds that are held."""
    return sum(
        used * (end - begin) for used, begin, end in zip(node.used, node.times, node.times[1:], strict=False)
    )


def test_a_job_of_more_than_a_node_waits_until_so_many_are_free_at_once() -> None:
    nodes = [Node(8) for _ in range(3)]
    nodes[0].hold(8, 0, 100)
    nodes[1].hold(1, 450, 600)  # free before, though not for long enough
    nodes[2].hold(8, 0, 300)
    plan = Plan(nodes, 8)

    assert plan.find_start(16, 400) == 300
    plan.hold_first(16, 400)
    assert [node.used[node.times.index(300)] for node in (nodes[0], nodes[2]) if 300 in node.times] == [8, 8]
    assert plan.find_start(24, 60) == 700


def test_what_never_fits_is_for_ever_and_holds_nothing() -> None:
    plan = Plan([Node(8)], 8)
    plan.hold_first(16, 60)

    assert plan.find_start(16, 60) == FOR_EVER
    assert not plan.hold_at(16, 60, 10)
    assert plan.find_start(8, 60) == 0


def test_a_reserved_node_has_nothing_for_others() -> None:
    node = Node(8)
    node.keep(-50, 100)
    node.keep(200, 260)

    assert node.free_now == 0
    assert node.find_start(1, 60) == 100
    assert node.find_start(1, 120) == 260
