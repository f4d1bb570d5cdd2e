"""What every Python in a box runs first, so that the same submission gives the same mark: fixed seeds.

It stands at /etc in the box, the first place where Python looks for a module of this name. Standard library only.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import random
import sys
from collections.abc import Sequence
from types import ModuleType

# In the place of the machine's entropy, wherever a generator of numbers is made or seeded without a seed.
entropy = random.Random(0)  # noqa: S311


def seed_generators() -> None:
    seed = random.Random.seed

    def seed_fixed(self: random.Random, a: object = None, version: int = 2) -> None:
        seed(self, entropy.getrandbits(128) if a is None else a, version)  # type: ignore[arg-type]

    random.Random.seed = seed_fixed  # type: ignore[method-assign]
    random.seed = random._inst.seed  # noqa: SLF001
    random.seed(0)


class NumpySeeder(importlib.abc.MetaPathFinder):
    """Seeds numpy's generators when they are imported, which not every program does."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "numpy.random":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_seed(module: ModuleType) -> None:
            run(module)
            module.bit_generator.randbits = entropy.getrandbits
            module.seed(0)

        spec.loader.exec_module = run_and_seed  # type: ignore[method-assign]
        return spec


def run_the_environments_own() -> None:
    """This file stands before one that the environment may have."""
    elsewhere = [place for place in sys.path if place != __file__.rpartition("/")[0]]
    spec = importlib.machinery.PathFinder.find_spec(__name__, elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


seed_generators()
sys.meta_path.insert(0, NumpySeeder())
run_the_environments_own()
