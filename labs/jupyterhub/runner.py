"""RunnerClient: the box's runner on a factory's node (labs/box/runner), by a token for that one server."""

from dataclasses import dataclass
from typing import Final

import httpx

from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub.contents import UNREACHABLE
from labs.jupyterhub.exchange import Answer, Asker, TooLargeError, TooSlowError, ask, make_http
from labs.jupyterhub.wire import WrongShapeError, as_object, as_str, parse_json

BEGIN_SECONDS: Final = 120.0  # for an order of many megabytes
CALL_SECONDS: Final = 15.0
WAIT_SECONDS: Final = 15.0
SMALL_ANSWER: Final = 4 * 1024
# The outputs of a run are a megabyte, and may be a list of numbers as well as a text.
MAX_VALUES: Final = 2_000_000


@dataclass(frozen=True)
class RunnerAnswer:
    """How an execution ended: with `execution`, as JSON that is not looked at yet, or with a `reason` why not."""

    execution: object = None
    reason: str = ""


class RunnerClient(Asker):
    """Raises HubUnavailableError where the runner cannot be reached, which may soon be over; ServerAnswerError for
    every answer that is none of the protocol, with the reason `grader_lost` where the runner does not know the
    execution: then its answer will never come.
    """

    def __init__(
        self, origin: str, path: str, token: str, *, host: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._base = "/" + path.strip("/") + "/executions/"
        super().__init__(make_http(origin, token, host=host, seconds=30.0, transport=transport))

    def begin(self, key: str, order: bytes) -> bool:
        """Have an order carried out; False while all boxes are taken. Asked twice, it is carried out once."""
        answer = self._ask("PUT", key, content=order, seconds=BEGIN_SECONDS)
        if answer.status not in {202, 429}:
            raise ServerAnswerError(f"PUT execution: {answer.status}", reason="grader_answer")
        return answer.status == 202

    def find(self, key: str, *, max_bytes: int) -> RunnerAnswer | None:
        """How an execution ended; None where it goes on, after WAIT_SECONDS at most."""
        answer = self._ask(
            "GET",
            f"{key}?wait={WAIT_SECONDS:.0f}",
            seconds=WAIT_SECONDS + CALL_SECONDS,
            max_bytes=max_bytes,
        )
        if answer.status == 404:
            raise ServerAnswerError("the runner does not know the execution", reason="grader_lost")
        if answer.status != 200:
            raise ServerAnswerError(f"GET execution: {answer.status}", reason="grader_answer")
        try:
            wire = as_object(parse_json(answer.body, max_values=MAX_VALUES))
            match as_str(wire.get("status")):
                case "running":
                    return None
                case "finished":
                    return RunnerAnswer(execution=wire.get("execution"))
                case "failed":
                    return RunnerAnswer(reason=as_str(wire.get("reason"))[:64])
        except WrongShapeError as error:
            raise ServerAnswerError(str(error), reason="grader_answer") from error
        raise ServerAnswerError("no status of an execution", reason="grader_answer")

    def end(self, key: str) -> None:
        """End an execution, box and all; one that is not known is fine."""
        answer = self._ask("DELETE", key)
        if answer.status not in {204, 404}:
            raise ServerAnswerError(f"DELETE execution: {answer.status}", reason="grader_answer")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        seconds: float = CALL_SECONDS,
        max_bytes: int = SMALL_ANSWER,
    ) -> Answer:
        try:
            answer = ask(
                self._http, method, self._base + path, max_bytes=max_bytes, seconds=seconds, content=content
            )
        except TooLargeError as error:
            raise ServerAnswerError(f"{method} execution: {error}", reason="grader_answer") from error
        except (httpx.HTTPError, TooSlowError) as error:
            raise HubUnavailableError(f"{method} execution: {type(error).__name__}") from error
        if answer.status in UNREACHABLE:
            raise HubUnavailableError(f"{method} execution: {answer.status}")
        return answer
