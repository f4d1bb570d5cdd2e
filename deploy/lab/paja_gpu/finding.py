"""Which GPUs this process may use: asked of torch, of the makers' own commands, and of the kernel, in this order."""

import importlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import amd, nvidia
from .listing import Gpu, choose

GIVEN_BY: Final = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
NOTHING_GIVEN: Final = frozenset({"", "-1", "NoDevFiles", "void", "none"})
GIB: Final = 2**30


@dataclass(frozen=True)
class Look:
    """`given`: the job's own list, None where it has none. `torch_sees` is None where there is no torch that works."""

    gpus: tuple[Gpu, ...]
    given: tuple[str, ...] | None
    torch_sees: int | None


def find_gpus() -> tuple[Gpu, ...]:
    return look().gpus


def look(root: Path = Path("/")) -> Look:
    """What is there; the kernel's files are looked for below `root`."""
    given = read_given()
    by_torch = ask_torch()
    gpus = by_torch or ()
    if not gpus:
        gpus = ask_system(given, root)
    return Look(gpus, given, None if by_torch is None else len(by_torch))


def read_given() -> tuple[str, ...] | None:
    """What Slurm, or whoever started the process, wrote into its environment."""
    lists = [os.environ[name].strip() for name in GIVEN_BY if name in os.environ]
    if not lists:
        return None
    if any(each in NOTHING_GIVEN for each in lists):
        return ()
    return tuple(each.strip() for each in lists[0].split(","))


def ask_torch() -> tuple[Gpu, ...] | None:
    """Its `cuda` is ROCm too, where it was made for that. One that cannot be asked is as good as none."""
    if importlib.util.find_spec("torch") is None:
        return None
    try:
        cuda = importlib.import_module("torch").cuda
        count = cuda.device_count() if cuda.is_available() else 0
        properties = [cuda.get_device_properties(number) for number in range(count)]
        return tuple(Gpu(str(each.name), round(each.total_memory / GIB)) for each in properties)
    except Exception:  # whatever a library for hardware that is not there may raise
        return None


def ask_system(given: tuple[str, ...] | None, root: Path) -> tuple[Gpu, ...]:
    """By the first that knows of any: a command says names and memory, files less."""
    listed = nvidia.ask_command() or amd.ask_command() or nvidia.read_files(root) or amd.read_files(root)
    return choose(listed, given)
