"""GPUs as a machine lists them, and which of them a job was given."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SECONDS: Final = 20
"""A driver that was asleep takes some on a node with eight GPUs."""


@dataclass(frozen=True)
class Gpu:
    """A GPU or a slice of one; `memory_gb` is None where nobody tells it."""

    name: str
    memory_gb: int | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.memory_gb} GB)" if self.memory_gb else self.name


@dataclass(frozen=True)
class Listed:
    """`ids` are what a job may name it by: its number, and its own name such as `GPU-…` or `MIG-…`."""

    gpu: Gpu
    ids: tuple[str, ...] = ()


def run(*command: str) -> str:
    """What a command prints; nothing where it is not there, fails or hangs."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def choose(listed: Sequence[Listed], given: Sequence[str] | None) -> tuple[Gpu, ...]:
    """Those that were given; all where nothing says which.

    Where the job names them as the list does not, so many of the list: it cannot be told which ones.
    """
    if given is None:
        return tuple(each.gpu for each in listed)
    chosen = [each.gpu for wanted in given for each in listed if is_named(each, wanted)]
    if chosen or all(wanted.isdigit() for wanted in given):
        return tuple(chosen)
    return tuple(each.gpu for each in listed[: len(given)])


def is_named(listed: Listed, wanted: str) -> bool:
    """Long names may be cut short, as CUDA allows."""
    is_long = wanted.startswith(("GPU-", "MIG-"))
    return any(each == wanted or (is_long and each.startswith(wanted)) for each in listed.ids)
