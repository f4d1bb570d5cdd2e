"""A command to its end, within its time and a size, whatever it does; nothing of it is left behind."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError

STDOUT_BYTES = 64 * 1024 * 1024  # a queue of 100,000 jobs is some 30 MB
STDERR_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024
TERM_SECONDS = 2.0


class TooMuchError(Exception):
    """More than anybody should say."""


@dataclass(frozen=True)
class Answer:
    status: int
    stdout: str
    stderr: str


async def run_command(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float,
    stdin: str = "",
    stdout_bytes: int = STDOUT_BYTES,
) -> Answer:
    """What a command answered. SchedulerUnavailableError: it is not there, took too long or said too much.

    The message names the command alone: its arguments are nothing for a log. What is not UTF-8 is replaced.
    """
    process = await begin(argv, environment)
    try:
        async with asyncio.timeout(seconds):
            return await converse(process, stdin, stdout_bytes)
    except TooMuchError as error:
        raise SchedulerUnavailableError(f"{argv[0]} said more than {stdout_bytes} bytes") from error
    except TimeoutError as error:
        raise SchedulerUnavailableError(f"{argv[0]} took longer than {seconds:g} s") from error
    finally:
        await end(process)


async def begin(argv: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Its process. One that is given up while it begins is ended too: asyncio would wait for ever for its pipes."""
    beginning = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=dict(environment),
            cwd="/",
            umask=0o077,
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(beginning)
    except OSError as error:
        raise SchedulerUnavailableError(f"{argv[0]}: {type(error).__name__}") from error
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await end(await beginning)
        raise


async def converse(process: Process, stdin: str, most: int) -> Answer:
    """Speak and listen at once; whoever breaks off listens to nothing any more."""
    listening = asyncio.ensure_future(read_answer(process.stdout, most))
    others = [
        asyncio.ensure_future(read_complaint(process.stderr)),
        asyncio.ensure_future(feed(process, stdin)),
    ]
    try:
        await asyncio.gather(listening, *others)
        status = await process.wait()
    finally:
        for task in (listening, *others):
            task.cancel()
        await asyncio.gather(listening, *others, return_exceptions=True)
    stderr = others[0].result() or b""
    return Answer(status, listening.result().decode(errors="replace"), stderr.decode(errors="replace"))


async def read_answer(pipe: asyncio.StreamReader | None, most: int) -> bytes:
    """All of it, or TooMuchError."""
    kept = bytearray()
    while piece := await read_piece(pipe):
        kept += piece
        if len(kept) > most:
            raise TooMuchError
    return bytes(kept)


async def read_complaint(pipe: asyncio.StreamReader | None) -> bytes:
    """The beginning of it; the rest is read too, or the command would wait for ever."""
    kept = bytearray()
    while piece := await read_piece(pipe):
        kept += piece[: STDERR_BYTES - len(kept)]
    return bytes(kept)


async def read_piece(pipe: asyncio.StreamReader | None) -> bytes:
    return await pipe.read(PIECE_BYTES) if pipe is not None else b""


async def feed(process: Process, text: str) -> None:
    """One that does not read to the end says itself what was wrong."""
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text.encode())
        await process.stdin.drain()
    process.stdin.close()


async def end(process: Process) -> None:
    """It and its children are gone afterwards; first asked, as `sudo` tells its child only then, and then made to."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)  # its children's group too, whether or not it has ended itself
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(drain(process), process.wait()), TERM_SECONDS)


async def drain(process: Process) -> None:
    """What was never listened to would keep its pipes open."""
    if process.stdin is not None:
        process.stdin.close()
    for pipe in (process.stdout, process.stderr):
        while await read_piece(pipe):
            pass
