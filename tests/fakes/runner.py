"""The box's runner in memory, with the public methods of RunnerClient; and runners named by how they fail."""

from collections.abc import Callable

from labs.box import Execution
from labs.box.orders import Order, WrongOrderError, execution_to_json, order_from_json
from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub import RunnerAnswer
from labs.states import GradingOutcome


def run_nothing(order: Order) -> Execution:
    """A run in which no cell shows anything."""
    for cell in order.notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], 1
    return Execution(order.notebook, GradingOutcome.SCORED, None, (), 0.1)


class FakeRunner:
    """A runner of one box. An execution is finished after it was asked for `looks` times; `orders` holds them all."""

    def __init__(self, run: Callable[[Order], Execution] = run_nothing, *, looks: int = 0) -> None:
        self.orders: dict[str, bytes] = {}
        self.ended: list[str] = []
        self._run = run
        self._looks = looks
        self._under_way: dict[str, int] = {}

    def begin(self, key: str, order: bytes) -> bool:
        if key in self._under_way:
            return True
        if any(looks > 0 for looks in self._under_way.values()):
            return False
        self.orders[key] = order
        self._under_way[key] = self._looks
        return True

    def find(self, key: str, *, max_bytes: int) -> RunnerAnswer | None:
        if key not in self._under_way:
            raise ServerAnswerError(reason="grader_lost")
        self._under_way[key] -= 1
        if self._under_way[key] >= 0:
            return None
        try:
            return RunnerAnswer(execution=execution_to_json(self._run(order_from_json(self.orders[key]))))
        except WrongOrderError:
            return RunnerAnswer(reason="wrong_order")

    def end(self, key: str) -> None:
        self.ended.append(key)
        self._under_way.pop(key, None)


class ForgetfulRunner(FakeRunner):
    """Was started anew in the midst of every execution."""

    def find(self, key: str, *, max_bytes: int) -> RunnerAnswer | None:
        raise ServerAnswerError(reason="grader_lost")


class SilentRunner(FakeRunner):
    """Cannot be reached the first `times` it is asked."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def begin(self, key: str, order: bytes) -> bool:
        self._be_silent()
        return super().begin(key, order)

    def find(self, key: str, *, max_bytes: int) -> RunnerAnswer | None:
        self._be_silent()
        return super().find(key, max_bytes=max_bytes)

    def _be_silent(self) -> None:
        self.times -= 1
        if self.times >= 0:
            raise HubUnavailableError("silent")


class BusyRunner(FakeRunner):
    """Has no box free the first `times` it is asked."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def begin(self, key: str, order: bytes) -> bool:
        self.times -= 1
        return self.times < 0 and super().begin(key, order)


class NeverDoneRunner(FakeRunner):
    def find(self, key: str, *, max_bytes: int) -> RunnerAnswer | None:
        return None


class LyingRunner(FakeRunner):
    """Answers what no box would."""

    def find(self, key: str, *, max_bytes: int) -> RunnerAnswer | None:
        return RunnerAnswer(execution={"outcome": "scored", "cells": {}})
