"""RemoteBox: `execute_notebook` on a factory's node, for labs that need a GPU."""

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from labs.box import BoxEnvironment, BoxLimits, Execution
from labs.box.orders import Order, WrongOrderError, execution_from_json, most_answer_bytes, order_to_json
from labs.exceptions import BoxUnavailableError, HubUnavailableError, LabError, ServerAnswerError
from labs.jupyterhub.runner import RunnerAnswer

if TYPE_CHECKING:
    from nbformat import NotebookNode

logger = logging.getLogger(__name__)

UNREACHABLE_FOR: Final = 60.0
"""Seconds without any answer after which a grader is given up; the runner gives up an asker after as many."""

BUSY_FOR: Final = 600.0
BEYOND_LIMIT: Final = 300.0  # kernels that start, a re-run after a crash, the way there and back
PAUSE_SECONDS: Final = 1.0

T = TypeVar("T")


class Runner(Protocol):
    """What is asked of a runner; see RunnerClient."""

    def begin(self, key: str, order: bytes) -> bool: ...
    def find(self, key: str, *, max_bytes: int) -> RunnerAnswer | None: ...
    def end(self, key: str) -> None: ...


class RemoteBox:
    """Boxes of one grader. `connect` gives a runner to ask, and a new one where the one before did not answer."""

    def __init__(
        self,
        connect: Callable[[], Runner],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._sleep = sleep

    def execute(
        self,
        notebook: "NotebookNode",
        *,
        files: Mapping[str, bytes],
        limits: BoxLimits,
        environment: BoxEnvironment,  # noqa: ARG002 - the node has its own
        allow_errors: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> Execution:
        """As `execute_notebook`. A grader that is lost, or that answers what no box says, is BoxUnavailableError.

        With `grader_silent` or `grader_busy` it is the grader as a whole that does not work.
        """
        order = order_to_json(Order(notebook, files, limits, allow_errors, variables))
        most = most_answer_bytes(notebook, limits)
        key = secrets.token_hex(16)
        try:
            self._begin(key, order)
            answer = self._wait(key, most, self._clock() + limits.total_seconds + BEYOND_LIMIT)
        except ServerAnswerError as error:
            raise BoxUnavailableError(str(error), reason=error.reason) from error
        finally:
            self._end(key)
        if answer.reason:
            raise BoxUnavailableError(f"the grader failed: {answer.reason}", reason=answer.reason)
        try:
            return execution_from_json(answer.execution, notebook)
        except WrongOrderError as error:
            raise BoxUnavailableError(f"the grader: {error}", reason="grader_answer") from error

    def _begin(self, key: str, order: bytes) -> None:
        until = self._clock() + BUSY_FOR
        while not self._insist(lambda runner: runner.begin(key, order)):
            if self._clock() > until:
                raise BoxUnavailableError("the grader's boxes stay taken", reason="grader_busy")
            self._sleep(PAUSE_SECONDS)

    def _wait(self, key: str, max_bytes: int, until: float) -> RunnerAnswer:
        while self._clock() < until:
            if answer := self._insist(lambda runner: runner.find(key, max_bytes=max_bytes)):
                return answer
        raise BoxUnavailableError("the grader does not come to an end", reason="grader_silent")

    def _end(self, key: str) -> None:
        """The runner ends by itself what nobody asks for; telling it frees its box at once."""
        with contextlib.suppress(LabError):
            self._connect().end(key)

    def _insist(self, question: Callable[[Runner], T]) -> T:
        """Ask until there is an answer; a hub that is started anew, or a proxy, is soon back."""
        until = self._clock() + UNREACHABLE_FOR
        while True:
            try:
                return question(self._connect())
            except HubUnavailableError as error:
                if self._clock() > until:
                    raise BoxUnavailableError(f"no answer: {error}", reason="grader_silent") from error
                logger.warning("a grader does not answer and is asked again: %s", error)
                self._sleep(PAUSE_SECONDS)
