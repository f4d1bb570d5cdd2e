"""What a box is given: its limits and the environment whose kernel it runs."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEBIBYTE: Final = 1024 * 1024
# What a box can write besides its working folder, all of it held in memory.
SHARED_MEMORY_BYTES: Final = 64 * MEBIBYTE
RUN_BYTES: Final = MEBIBYTE
_TMP_PART: Final = 4


@dataclass(frozen=True)
class BoxLimits:
    """Ceilings of one run of one notebook, the re-run after a crash included.

    `memory_bytes` is for the whole tree of processes; `disk_bytes` (the working folder, which is held in memory,
    and a quarter as much for /tmp) comes on top. `processes` counts threads too, as the machine does.
    `output_bytes` is what is kept: a little more is cut off, very much more is a fault of the cell.
    """

    memory_bytes: int = 2048 * MEBIBYTE
    processes: int = 64
    output_bytes: int = MEBIBYTE
    cell_seconds: float = 60
    total_seconds: float = 300
    disk_bytes: int = 256 * MEBIBYTE

    @property
    def tmp_bytes(self) -> int:
        return self.disk_bytes // _TMP_PART

    @property
    def held_bytes(self) -> int:
        """All that files of the box can take up."""
        return self.disk_bytes + self.tmp_bytes + SHARED_MEMORY_BYTES + RUN_BYTES


@dataclass(frozen=True)
class BoxEnvironment:
    """The interpreter of the learner's environment; everything else that the box shows is derived from it.

    On a machine with accelerators also its `devices` (/dev/nvidia0, say), and `mounts`: what libraries read for them.
    """

    python: Path
    devices: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Not resolve(): an environment's interpreter is a link, and what it links to knows no environment.
        object.__setattr__(self, "python", Path(os.path.abspath(self.python)))  # noqa: PTH100
