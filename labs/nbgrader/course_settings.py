"""What a course's `nbgrader_config.py` asks for, read and never run: the settings that change releases and points."""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from traitlets.config import Config

CONFIG_FILES: Final = ("nbgrader_config.py", "nbgrader_config.json")
# nbgrader's steps of a release that are made with the course's own settings.
_RELEASING: Final = ("ClearSolutions", "ClearHiddenTests", "ClearMarkScheme", "IncludeHeaderFooter")
_HONOURED: Final = {
    "CourseDirectory": ("source_directory", "submitted_directory", "ignore"),
    "ExecutePreprocessor": ("timeout",),
    "Execute": ("timeout",),
    "LateSubmissionPlugin": ("penalty_method",),
    "Autograde": ("exclude_overwriting",),
}
# Where nbgrader keeps its own things, and what it says: no points depend on it.
_HARMLESS: Final = (
    "Exchange",
    "NbGrader",
    "NbGraderApp",
    "Application",
    "FormgradeApp",
    "BaseConverter",
    "NbGraderAPI",
)


@dataclass(frozen=True)
class CourseSettings:
    """Section → name → value as written; `ignored` names what stands in the file and is not honoured."""

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def find(self, section: str, name: str, kind: type | tuple[type, ...]) -> Any:
        """The value, where there is one of this kind (True is no number)."""
        value = self.values.get(section, {}).get(name)
        return value if isinstance(value, kind) and not isinstance(value, bool) else None

    def make_release_config(self, root: Path) -> Config:
        """For nbgrader's own steps of a release; paths in it are below `root`."""
        chosen = {section: dict(self.values[section]) for section in _RELEASING if section in self.values}
        for name, path in chosen.get("IncludeHeaderFooter", {}).items():
            chosen["IncludeHeaderFooter"][name] = str(root / path) if isinstance(path, str) and path else path
        return Config(chosen)


def read_settings(root: Path) -> CourseSettings:
    """Of the files that nbgrader would read; what is no plain value in them is not honoured. Raises nothing."""
    values: dict[str, dict[str, Any]] = {}
    ignored: list[str] = []
    for name in CONFIG_FILES:
        path = root / name
        if not path.is_file():
            continue
        read = _read_json if path.suffix == ".json" else _read_python
        try:
            found = list(read(path.read_text(encoding="utf-8-sig")))
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            ignored.append(name)
            continue
        for section, setting, value in found:
            if _is_honoured(section, setting) and value is not _NO_VALUE:
                values.setdefault(section, {})[setting] = value
            elif section not in _HARMLESS and f"{section}.{setting}" not in ignored:
                ignored.append(f"{section}.{setting}")
    return CourseSettings(values, tuple(ignored))


_NO_VALUE: Final = object()


def _is_honoured(section: str, name: str) -> bool:
    return section in _RELEASING or name in _HONOURED.get(section, ())


def _read_json(text: str) -> Iterator[tuple[str, str, Any]]:
    told = json.loads(text)
    for section, values in told.items() if isinstance(told, dict) else ():
        for name, value in values.items() if isinstance(values, dict) else ():
            yield section, name, value


def _read_python(text: str) -> Iterator[tuple[str, str, Any]]:
    """Every `c.Section.name = value`, wherever it stands."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            match target:
                case ast.Attribute(value=ast.Attribute(value=ast.Name(id="c"), attr=section), attr=name):
                    yield section, name, _read_value(node.value)


def _read_value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NO_VALUE
