"""A worker process that hangs ends itself, whatever holds the interpreter; no other process does."""

import subprocess
import sys

from labs.work.time_limits import this_process, time_limit

HANGS = """
import re
from labs.work.time_limits import this_process, time_limit
this_process.is_expendable = {is_expendable}
with time_limit({seconds}):
    re.match("(a|aa)+$", "a" * {length} + "b")
print("went on")
"""


def hang(*, is_expendable: bool, seconds: float, length: int) -> subprocess.CompletedProcess[str]:
    """A process in which a regular expression holds the interpreter, so that no other thread of it runs."""
    code = HANGS.format(is_expendable=is_expendable, seconds=seconds, length=length)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_worker_that_hangs_ends_and_says_where() -> None:
    ended = hang(is_expendable=True, seconds=0.2, length=60)  # years
    assert ended.returncode != 0
    assert "went on" not in ended.stdout
    assert "Timeout" in ended.stderr
    assert '"<string>", line 6' in ended.stderr


def test_other_processes_go_on() -> None:
    assert hang(is_expendable=False, seconds=0.01, length=24).stdout == "went on\n"


def test_a_worker_that_is_done_in_time_goes_on() -> None:
    assert hang(is_expendable=True, seconds=100, length=5).stdout == "went on\n"


def test_what_runs_tests_and_serves_pages_is_not_expendable() -> None:
    assert not this_process.is_expendable
    with time_limit(0.0):  # which a watchdog would refuse
        pass
