"""Modules that were imported ahead and are handed out when a notebook imports them, as if they were loaded then.

So a name that a notebook never imported is not in `sys.modules`, and a file of the learner's that has the name of a
module comes first where Python would have found it first. Standard library only: it runs in the server.
"""

import builtins
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def find_package(name: str) -> str:
    return name.partition(".")[0]


class HeldModules(MetaPathFinder):
    """Hands out whole packages, together with those that their import has loaded besides."""

    def __init__(self, kept: Iterable[str], needs: Mapping[str, set[str]]) -> None:
        """Hold back what is imported now, but for the packages in `kept`; `needs` says which imports which."""
        packages = set(kept)
        self._needs = needs
        self._held = {
            name: module for name, module in sys.modules.items() if find_package(name) not in packages
        }
        for name in self._held:
            del sys.modules[name]

    def __bool__(self) -> bool:
        return bool(self._held)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # What is below a package came with it; so this one is below another package of the same name.
        if name not in self._held or "." in name:
            return None
        if not self._is_found_now(name):
            self._take(name)
            return None
        module = self._held[name]
        known = module.__spec__
        spec = ModuleSpec(name, _Handing(self), origin=known.origin if known else None)
        spec.submodule_search_locations = known.submodule_search_locations if known else None
        return spec

    def hand_out(self, name: str) -> ModuleType:
        """The module of this name; the rest of its package and what they need stand in `sys.modules` already."""
        module = self._held[name]
        waiting, done = [name], set()
        while waiting:
            package = waiting.pop()
            if package in done or (package != name and not self._is_found_now(package)):
                continue
            done.add(package)
            waiting += self._needs.get(package, ())
            for each, held in self._take(package).items():
                if each != name:
                    sys.modules.setdefault(each, held)
        return module

    def _take(self, package: str) -> dict[str, ModuleType]:
        names = [name for name in self._held if find_package(name) == package]
        return {name: self._held.pop(name) for name in names}

    def _is_found_now(self, package: str) -> bool:
        """Whether an import would find the very module that is held."""
        module = self._held.get(package)
        known = getattr(module, "__spec__", None)
        if known is None or known.origin in ("built-in", "frozen"):
            return module is not None
        found = PathFinder.find_spec(package)
        return found is not None and found.origin == known.origin


class _Handing(Loader):
    def __init__(self, held: HeldModules) -> None:
        self._held = held
        self._known: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = self._held.hand_out(spec.name)
        self._known = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._known
        generators = sys.modules.get("numpy.random")
        if module.__name__ == "numpy" and generators is not None:
            generators.seed(0)  # as it is seeded where it is imported: see sitecustomize.py


@contextmanager
def noted_imports(needs: dict[str, set[str]]) -> Iterator[None]:
    """Note in `needs` which package imports which."""
    original = builtins.__import__

    def import_and_note(
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 (its name in Python)
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        importer = find_package(str((globals or {}).get("__name__", "")))
        if level == 0 and importer:
            needs.setdefault(importer, set()).add(find_package(name))
        return original(name, globals, locals, fromlist or (), level)

    builtins.__import__ = import_and_note
    try:
        yield
    finally:
        builtins.__import__ = original
