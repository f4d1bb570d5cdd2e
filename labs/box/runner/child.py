"""The process that closes boxes for the runner: one order after another on standard input, an answer to each.

It is a process of its own so that an execution can be ended at once, box and all, and knows no token.
"""

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import IO, Final

from labs.box.dying import die_with_parent
from labs.box.execution import execute_notebook
from labs.box.forking.servers import start_forking
from labs.box.limits import BoxEnvironment
from labs.box.orders import WrongOrderError, execution_to_json, most_answer_bytes, order_from_json
from labs.exceptions import BoxUnavailableError

HEAD_BYTES: Final = 8
# Which of the machine's accelerators a job was given; what runs in the box has to know.
_DEVICE_VARIABLES: Final = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
)


def main() -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Whatever prints by mistake prints into the log, and not between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    environment = read_environment()
    start_forking(environment)
    while (body := read_frame(sys.stdin.buffer)) is not None:
        answer = json.dumps(carry_out(body, environment)).encode()
        answers.write(len(answer).to_bytes(HEAD_BYTES, "big") + answer)
        answers.flush()


def read_environment() -> BoxEnvironment:
    """The interpreter of the labs on this machine, and the devices and folders that its boxes are shown."""
    return BoxEnvironment(
        Path(os.environ["PAJA_RUNNER_LAB_PYTHON"]),
        devices=tuple(os.environ.get("PAJA_RUNNER_DEVICES", "").split()),
        mounts=tuple(os.environ.get("PAJA_RUNNER_MOUNTS", "").split()),
    )


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next order; None when there is nobody left who gives any."""
    head = stream.read(HEAD_BYTES)
    size = int.from_bytes(head, "big")
    body = stream.read(size)
    return body if len(head) == HEAD_BYTES and len(body) == size else None


def carry_out(body: bytes, environment: BoxEnvironment) -> dict[str, object]:
    """The answer to an order. A fault of this program ends it, and the runner says that it did."""
    try:
        order = order_from_json(body)
    except WrongOrderError:
        return {"status": "failed", "reason": "wrong_order"}
    variables = {name: os.environ[name] for name in _DEVICE_VARIABLES if name in os.environ}
    try:
        execution = execute_notebook(
            order.notebook,
            files=order.files,
            limits=order.limits,
            environment=environment,
            allow_errors=order.allow_errors,
            variables={**variables, **(order.variables or {})},
        )
    except BoxUnavailableError as error:
        logging.getLogger(__name__).exception("no box")
        return {"status": "failed", "reason": error.reason}
    answer: dict[str, object] = {"status": "finished", "execution": execution_to_json(execution)}
    if len(json.dumps(answer)) > most_answer_bytes(order.notebook, order.limits):
        return {"status": "failed", "reason": "answer_too_large"}
    return answer


if __name__ == "__main__":
    main()
