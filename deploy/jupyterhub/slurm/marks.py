"""Fields and records of an answer kept apart by a mark that no job's name can hold."""

import secrets
from collections.abc import Sequence

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError


def draw_mark() -> str:
    """What nobody could have put into a job's name before the question was asked."""
    return f"|{secrets.token_hex(8)}|"


def marked(fields: Sequence[str], mark: str) -> str:
    """A --Format in which every field ends with the mark; without a width, Slurm cuts nothing off."""
    return ",".join(f"{name}:{mark}" for name in fields)


def split_marked(stdout: str, mark: str, width: int) -> list[list[str]]:
    """The fields of each record; a record ends with the line whose last field ends it, whatever stands in a field."""
    pieces = stdout.split(mark)
    if len(pieces) % width != 1 or pieces[-1] not in {"", "\n"}:
        raise SchedulerUnavailableError("an answer that breaks off")
    rows = [pieces[start : start + width] for start in range(0, len(pieces) - 1, width)]
    for row in rows[1:]:
        if not row[0].startswith("\n"):
            raise SchedulerUnavailableError("an answer of another shape")
        row[0] = row[0][1:]
    return rows


def join_lines(stdout: str, mark: str, width: int) -> list[list[str]]:
    """As split_marked, where the mark stands between fields only, and the last field has no line end in it."""
    rows, row = [], ""
    for line in stdout.splitlines(keepends=True):
        row += line
        fields = row.split(mark)
        if len(fields) > width:
            raise SchedulerUnavailableError("an answer of another shape")
        if len(fields) == width:
            rows.append([*fields[:-1], fields[-1].rstrip("\n")])
            row = ""
    if row or (rows and not stdout.endswith("\n")):
        raise SchedulerUnavailableError("an answer that breaks off")
    return rows
