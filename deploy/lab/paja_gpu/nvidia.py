"""NVIDIA's GPUs: by `nvidia-smi`, which lists all of a node, else by what the driver says of itself."""

import os
import re
from pathlib import Path
from typing import Final

from .listing import Gpu, Listed, run

MIB_PER_GB: Final = 1024
WHOLE: Final = re.compile(r"GPU (\d+): (.+) \(UUID: (GPU-[^)]+)\)")
SLICE: Final = re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)")
PROFILE: Final = re.compile(r"(\d+)gb")


def ask_command() -> list[Listed]:
    """Whole GPUs, and the slices of those that are cut: these alone can be used then."""
    memory = read_memory(run("nvidia-smi", "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits"))
    return read_list(run("nvidia-smi", "-L"), memory) if memory else []


def read_memory(printed: str) -> dict[str, int | None]:
    """GB by the GPU's own name; None where the driver does not tell, as for some of integrated memory."""
    rows = [line.split(", ") for line in printed.splitlines() if line.startswith("GPU-")]
    return {row[0]: round(int(row[1]) / MIB_PER_GB) if row[-1].strip().isdigit() else None for row in rows}


def read_list(printed: str, memory: dict[str, int | None]) -> list[Listed]:
    listed: list[Listed] = []
    whole: Listed | None = None
    for line in printed.splitlines():
        if found := WHOLE.match(line):
            number, name, own = found.groups()
            whole = Listed(Gpu(name, memory.get(own)), (number, own))
            listed.append(whole)
        elif whole and (found := SLICE.match(line)):
            profile, own = found.groups()
            size = PROFILE.search(profile)
            gpu = Gpu(f"{whole.gpu.name}, MIG {profile}", int(size[1]) if size else None)
            if whole in listed:
                listed.remove(whole)
            listed.append(Listed(gpu, (own,)))
    return listed


def read_files(root: Path) -> list[Listed]:
    """By the driver's own files, where its device may be opened: without that they only say what is in the machine."""
    if not os.access(root / "dev/nvidiactl", os.R_OK | os.W_OK):
        return []
    listed = []
    for number, folder in enumerate(sorted((root / "proc/driver/nvidia/gpus").glob("*"))):
        try:
            told = (folder / "information").read_text(errors="replace")
        except OSError:
            continue
        model = re.search(r"^Model:\s*(.+)$", told, re.MULTILINE)
        own = re.search(r"^GPU UUID:\s*(\S+)$", told, re.MULTILINE)
        ids = (str(number), *([own[1]] if own else []))
        listed.append(Listed(Gpu(model[1].strip() if model else "NVIDIA GPU"), ids))
    return listed
