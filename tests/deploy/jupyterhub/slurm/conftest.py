"""One real Slurm for the live tests of this folder."""

from tests.servers.slurm import slurm

__all__ = ["slurm"]
