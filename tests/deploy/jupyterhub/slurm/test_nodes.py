import pytest

from deploy.jupyterhub.slurm.nodes import NodeState, node_states, sum_up


def a_node(state: str = "idle", *, gpus: int | None = 8, used: int | None = 0) -> NodeState:
    states = node_states([state])
    assert states is not None
    return NodeState(
        name="nid000001",
        partition="small-g",
        states=states,
        is_partition_up=True,
        time_limit_minutes=60,
        gpus=gpus,
        gpus_used=used,
    )


@pytest.mark.parametrize(
    "state", ["idle", "mixed", "allocated", "idle~", "completing", "planned", "IDLE", "mix", "alloc"]
)
def test_gpus_of_a_working_node_are_free(state: str) -> None:
    assert a_node(state, used=3).gpus_free == 5
    assert not a_node(state).is_down


@pytest.mark.parametrize(
    "state",
    ["down", "down*", "drained", "draining", "idle*", "mixed$", "maint", "fail", "unknown", "inval", "IDLE+DRAIN",
     "reboot", "powering_down", "future", "MIXED+NOT_RESPONDING", "whatever_comes"],
)  # fmt: skip
def test_gpus_of_a_node_that_nobody_gets_are_not_free(state: str) -> None:
    assert a_node(state, used=3).gpus_free == 0
    assert a_node(state).is_down
    assert not a_node(state).is_idle


def test_a_reserved_node_is_neither_free_nor_down() -> None:
    node = a_node("reserved")

    assert (node.gpus_free, node.is_down, node.is_idle) == (0, False, False)


@pytest.mark.parametrize("state", ["", "12", "idle mixed", "<b>", "a" * 100])
def test_what_is_no_state_is_none(state: str) -> None:
    assert node_states([state]) is None


def test_a_partition_is_the_sum_of_its_nodes() -> None:
    state = sum_up("small-g", [a_node(), a_node("mixed", used=3), a_node("drained", used=1)])

    assert (state.nodes_total, state.nodes_idle, state.nodes_down) == (3, 1, 1)
    assert (state.gpus_total, state.gpus_used, state.gpus_free) == (24, 4, 13)


def test_gpus_that_one_node_does_not_tell_are_not_known() -> None:
    state = sum_up("small-g", [a_node(), a_node(gpus=None, used=None)])

    assert (state.gpus_total, state.gpus_used, state.gpus_free) == (None, None, None)


def test_a_partition_without_nodes_is_not_up() -> None:
    state = sum_up("small-g", [])

    assert (state.is_up, state.nodes_total, state.gpus_total) == (False, 0, 0)
