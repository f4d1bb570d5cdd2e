"""What every learner's server has in common, wherever it runs: its command, its environment, its tools."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
LEARNER_FILES: Final = Path(__file__).resolve().parent / "learner"
TOOLS: Final = ("terminal", "language-server", "create-assignment")  # learner/paja_tools.py says what each is
GRADING: Final = {"kind": "grading"}  # all that may be asked for the grader account


def common_environment(python: str) -> dict[str, str]:
    return {
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def session_environment(python: str, tools: Iterable[str]) -> dict[str, str]:
    return {**common_environment(python), "PAJA_LAB_TOOLS": " ".join(tools)}


def session_command(python: str, learner_server: str, arguments: Iterable[str] = ()) -> list[str]:
    return [python, "-P", learner_server, *arguments]


def runner_command(python: str) -> list[str]:
    return [python, "-P", "-m", "labs.box.runner"]
