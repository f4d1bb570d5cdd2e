import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.jupyterhub.slurm import subprocesses
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError
from deploy.jupyterhub.slurm.subprocesses import STDERR_BYTES, Answer, run_command
from tests.servers import wait_for

LONG = 30.0


def run(code: str, *, seconds: float = LONG, stdin: str = "", stdout_bytes: int = 10**6) -> Answer:
    argv = [sys.executable, "-I", "-c", code]
    return asyncio.run(
        run_command(argv, environment={"ONE": "1"}, seconds=seconds, stdin=stdin, stdout_bytes=stdout_bytes)
    )


def is_gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_a_command_said_and_how_it_ended() -> None:
    answer = run("import sys; print(sys.stdin.read()); print('no', file=sys.stderr); sys.exit(3)", stdin="é")

    assert answer == Answer(3, "é\n", "no\n")


def test_it_has_no_environment_but_what_it_is_given_and_writes_for_its_account_alone() -> None:
    answer = run("import os; print(sorted(set(os.environ) - {'LC_CTYPE'}), os.umask(0), os.getcwd())")

    assert answer.stdout == f"['ONE'] {0o077} /\n"


def test_what_is_no_utf8_is_replaced() -> None:
    assert run(r"import sys; sys.stdout.buffer.write(b'a\xffb')").stdout == "a\ufffdb"


def test_one_that_does_not_read_its_input_is_heard_nonetheless() -> None:
    assert run("print('done')", stdin="x" * 10**7).stdout == "done\n"


@pytest.mark.parametrize("who", ["both", "the child"])
def test_one_that_is_given_up_is_ended_with_its_children(
    tmp_path: Path, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although `who` ignores being asked."""
    monkeypatch.setattr(subprocesses, "TERM_SECONDS", 0.5)
    code = (
        "import os, pathlib, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"if {who!r} != 'both': signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        f"path = pathlib.Path({str(tmp_path / 'pids')!r})\n"
        "path.with_suffix('.new').write_text(f'{os.getpid()} {child.pid}')\n"
        "path.with_suffix('.new').rename(path)\n"
        "time.sleep(600)\n"
    )

    async def outlive() -> None:
        asked = asyncio.ensure_future(
            run_command([sys.executable, "-I", "-c", code], environment={}, seconds=600)
        )
        while not (tmp_path / "pids").exists() and not asked.done():
            await asyncio.sleep(0.05)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(outlive())
    for pid in (tmp_path / "pids").read_text().split():
        wait_for(lambda: is_gone(int(pid)), seconds=LONG, what=f"{pid} is gone")  # noqa: B023


def test_one_that_is_given_up_while_it_begins_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    create = asyncio.create_subprocess_exec

    async def create_slowly(*argv: str, **named: Any) -> asyncio.subprocess.Process:
        begun.append(await create(*argv, **named))
        await asyncio.sleep(0.2)
        return begun[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", create_slowly)

    async def give_up() -> None:
        asked = asyncio.ensure_future(run_command(["sleep", "600"], environment={}, seconds=600))
        while not begun:
            await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(give_up())
    assert is_gone(begun[0].pid)


def test_out_of_time_is_no_answer() -> None:
    began = time.monotonic()
    with pytest.raises(SchedulerUnavailableError, match="took longer"):
        run("import time; time.sleep(600)", seconds=0.3)
    assert time.monotonic() - began < LONG


def test_too_much_is_no_answer() -> None:
    with pytest.raises(SchedulerUnavailableError, match="more than 1000 bytes"):
        run("while True: print('x' * 1000)", stdout_bytes=1000)


def test_of_a_long_complaint_the_beginning_is_kept() -> None:
    answer = run("import sys; sys.stderr.write('x' * 10_000_000); print('done')")

    assert (answer.stdout, len(answer.stderr)) == ("done\n", STDERR_BYTES)


def test_a_command_that_is_not_there_is_no_answer() -> None:
    with pytest.raises(SchedulerUnavailableError, match="FileNotFoundError"):
        asyncio.run(run_command(["no-such-command"], environment={"PATH": "/nowhere"}, seconds=LONG))


def test_no_process_is_left_behind_by_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocesses, "TERM_SECONDS", 0.2)

    async def storm() -> list[Answer | BaseException]:
        command = run_command(["sleep", "600"], environment={"PATH": os.defpath}, seconds=0.1)
        return await asyncio.gather(
            command,
            *(run_command(["true"], environment={"PATH": os.defpath}, seconds=LONG) for _ in range(10)),
            return_exceptions=True,
        )

    first, *others = asyncio.run(storm())
    assert isinstance(first, SchedulerUnavailableError)
    assert others == [Answer(0, "", "")] * 10
    assert "sleep" not in [child.name() for child in psutil.Process().children()]
