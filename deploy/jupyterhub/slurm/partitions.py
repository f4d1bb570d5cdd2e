"""Partitions of a factory and the flavours of each: what one job may have."""

from dataclasses import dataclass
from typing import Final, Self

from deploy.jupyterhub.slurm.toml_table import WORD, Table

LONGEST_MINUTES: Final = 14 * 24 * 60
GRES: Final = r"(gpu(:[A-Za-z0-9_.-]+)?:[1-9][0-9]?)?"


@dataclass(frozen=True)
class Flavour:
    """What one job may have of a partition; `weight` is GPU-hours that an hour of it costs."""

    slug: str
    gres: str  # as Slurm writes it, gpu:1; empty for none
    gpus: int
    gpu_name: str
    gpu_memory_gb: int
    is_slice: bool
    cores: int
    memory_gb: int
    minutes_max: int
    weight: float

    @classmethod
    def read(cls, table: Table, minutes_max: int) -> Self:
        flavour = cls(
            slug=table.text("slug", WORD),
            gres=table.text("gres", GRES, default=""),
            gpus=table.number("gpus", 0, 64),
            gpu_name=table.text("gpu_name", default=""),
            gpu_memory_gb=table.number("gpu_memory_gb", 0, 4096, default=0),
            is_slice=table.is_set("is_slice"),
            cores=table.number("cores", 1, 4096),
            memory_gb=table.number("memory_gb", 1, 65_536),
            minutes_max=table.number("minutes_max", 1, minutes_max, default=minutes_max),
            weight=table.share("weight", 0, 1000),
        )
        if (flavour.gpus > 0) != bool(flavour.gres):
            table.fault("gres", "a flavour with GPUs says how Slurm is asked for them, one without does not")
        table.close()
        return flavour


@dataclass(frozen=True)
class Partition:
    name: str
    is_unconfirmed: bool  # the site has not said so; pages say that
    minutes_max: int
    flavours: tuple[Flavour, ...]

    @classmethod
    def read(cls, table: Table) -> Self:
        minutes_max = table.number("minutes_max", 1, LONGEST_MINUTES)
        partition = cls(
            name=table.text("name", WORD),
            is_unconfirmed=table.is_set("is_unconfirmed"),
            minutes_max=minutes_max,
            flavours=tuple(Flavour.read(each, minutes_max) for each in table.tables("flavours")),
        )
        if not partition.flavours:
            table.fault("flavours", "a partition without flavours offers nothing")
        table.note_doubles("flavours", [each.slug for each in partition.flavours])
        table.close()
        return partition

    def find_flavour(self, slug: str) -> Flavour | None:
        return next((each for each in self.flavours if each.slug == slug), None)
