"""AMD's GPUs: by `rocm-smi`, else by what the kernel's driver says of them."""

import json
import os
import re
from pathlib import Path
from typing import Any, Final

from .listing import Gpu, Listed, run

GIB: Final = 2**30
NAMES: Final = ("Card Series", "Card series", "Card Model", "Card model")


def ask_command() -> list[Listed]:
    return read_cards(run("rocm-smi", "--showproductname", "--showmeminfo", "vram", "--json"))


def read_cards(printed: str) -> list[Listed]:
    """Warnings may stand before the JSON."""
    try:
        told = json.loads(printed[printed.index("{") :])
    except ValueError:
        return []
    cards = {key.removeprefix("card"): card for key, card in told.items() if re.fullmatch(r"card\d+", key)}
    return [Listed(read_card(cards[number]), (number,)) for number in sorted(cards, key=int)]


def read_card(card: dict[str, Any]) -> Gpu:
    name = next((str(card[key]) for key in NAMES if card.get(key) not in {None, "", "N/A"}), "AMD GPU")
    memory = str(card.get("VRAM Total Memory (B)", ""))
    return Gpu(name, round(int(memory) / GIB) if memory.isdigit() else None)


def read_files(root: Path) -> list[Listed]:
    """By the nodes of the kernel's driver, of which a job may read its own only."""
    if not os.access(root / "dev/kfd", os.R_OK | os.W_OK):
        return []
    nodes = (root / "sys/class/kfd/kfd/topology/nodes").glob("*")
    gpus = [read_node(node) for node in sorted(nodes, key=lambda node: int(node.name))]
    return [Listed(gpu, (str(number),)) for number, gpu in enumerate(filter(None, gpus))]


def read_node(node: Path) -> Gpu | None:
    """Nothing for a processor, which is a node too, and for a GPU of somebody else's job."""
    try:
        told = read_properties(node / "properties")
        if not told.get("simd_count"):
            return None
        banks = [read_properties(bank) for bank in node.glob("mem_banks/*/properties")]
    except OSError:
        return None
    version = told.get("gfx_target_version", 0)
    name = (
        f"AMD GPU (gfx{version // 10000}{version // 100 % 100:x}{version % 100:x})" if version else "AMD GPU"
    )
    memory = max((bank.get("size_in_bytes", 0) for bank in banks), default=0)
    return Gpu(name, round(memory / GIB) or None)


def read_properties(file: Path) -> dict[str, int]:
    rows = [line.split() for line in file.read_text().splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
