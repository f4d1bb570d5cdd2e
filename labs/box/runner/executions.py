"""What the runner has under way: few executions at a time, each ended when nobody asks for it any more."""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from labs.box.runner.child import HEAD_BYTES

logger = logging.getLogger(__name__)

ABANDONED_AFTER: Final = 60.0
"""Seconds without a question after which an execution is ended, or its answer forgotten."""

LONGEST_SECONDS: Final = 6 * 3600.0
MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
# What stands in a child's environment: none of the names under which JupyterHub gives its tokens.
_SHARED_VARIABLES: Final = ("HOME", "LANG", "PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR")
_OWN_PREFIXES: Final = ("PAJA_RUNNER_", "CUDA_", "HIP_", "ROCR_", "LD_LIBRARY_PATH")


class ChildDiedError(Exception):
    """The process that closes the boxes ended in the midst of an order."""


class Carrier(Protocol):
    """Who carries out orders, one at a time."""

    async def prepare(self) -> None:
        """Have ready what the first order would wait for."""

    async def carry_out(self, body: bytes) -> bytes:
        """The answer to an order; raises ChildDiedError."""

    async def end(self) -> None:
        """End what is under way at once, box and all. May be called again."""


class Child:
    """`child.py` as a process: started when it is needed, and kept, with all that it has loaded."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def prepare(self) -> None:
        await self._ensure_process()

    async def carry_out(self, body: bytes) -> bytes:
        process = await self._ensure_process()
        assert process.stdin is not None  # noqa: S101 (it was asked for)
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(len(body).to_bytes(HEAD_BYTES, "big"))
            process.stdin.write(body)
            await process.stdin.drain()
            size = int.from_bytes(await process.stdout.readexactly(HEAD_BYTES), "big")
            if size > MAX_ANSWER_BYTES:
                raise ChildDiedError(f"an answer of {size} bytes")
            return await process.stdout.readexactly(size)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ChildDiedError(str(error)) from error

    async def end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _ensure_process(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "labs.box.runner.child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={
                    name: value
                    for name, value in os.environ.items()
                    if name in _SHARED_VARIABLES or name.startswith(_OWN_PREFIXES)
                },
            )
        return self._process


@dataclass
class _Entry:
    task: asyncio.Task[bytes]
    asked_at: float
    questions: int = field(default=0)


class Executions:
    """Executions by their ids. All methods are for the thread of the event loop."""

    def __init__(
        self,
        boxes: int,
        *,
        make_carrier: Callable[[], Carrier] = Child,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle = [make_carrier() for _ in range(boxes)]
        self._carriers = list(self._idle)
        self._entries: dict[str, _Entry] = {}
        self._clock = clock

    async def prepare(self) -> None:
        for carrier in self._idle:
            await carrier.prepare()

    def begin(self, key: str, body: bytes) -> bool:
        """Begin an execution; False where all boxes are taken. One that was begun already goes on."""
        if key in self._entries:
            return True
        if not self._idle:
            return False
        carrier = self._idle.pop()
        task = asyncio.create_task(self._go(carrier, body))
        # Not in the task itself: one that is ended before it began would keep its box for ever.
        task.add_done_callback(lambda _task: self._idle.append(carrier))
        self._entries[key] = _Entry(task, self._clock())
        return True

    async def find(self, key: str, *, seconds: float) -> bytes | None:
        """Its answer, as JSON, or None where there is none within `seconds`; LookupError for one not known."""
        entry = self._entries[key]
        entry.questions += 1
        try:
            await asyncio.wait({entry.task}, timeout=seconds)
        finally:
            entry.questions -= 1
            entry.asked_at = self._clock()
        if entry.task.cancelled():
            raise LookupError(key)
        return entry.task.result() if entry.task.done() else None

    async def end(self, key: str) -> None:
        """End an execution, box and all, and forget it; one that is not known is fine."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            await _settle(entry.task)

    async def end_abandoned(self) -> None:
        now = self._clock()
        for key, entry in list(self._entries.items()):
            if not entry.questions and now - entry.asked_at > ABANDONED_AFTER:
                logger.warning("execution %s is ended: nobody asks for it", key)
                await self.end(key)

    async def close(self) -> None:
        for key in list(self._entries):
            await self.end(key)
        for carrier in self._carriers:
            await carrier.end()

    async def _go(self, carrier: Carrier, body: bytes) -> bytes:
        is_whole = False
        try:
            answer = await asyncio.wait_for(carrier.carry_out(body), LONGEST_SECONDS)
            is_whole = True
        except (ChildDiedError, TimeoutError) as error:
            logger.error("an execution was lost: %s", type(error).__name__)  # noqa: TRY400 - no trace says more
            answer = json.dumps({"status": "failed", "reason": "grader_lost"}).encode()
        finally:
            if not is_whole:
                await carrier.end()
        return answer


async def _settle(task: asyncio.Task[bytes]) -> None:
    task.cancel()
    await asyncio.wait({task})
