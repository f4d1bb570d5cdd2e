"""Reading TOML so that every fault has a line, and checking it against a schema (pydantic finds all faults at once)."""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from courses.unit_kinds import Report

Schema = TypeVar("Schema", bound=BaseModel)
KeyPath = tuple[str | int, ...]

_POSITION = re.compile(r" \(at (?:line (?P<line>[0-9]+), column [0-9]+|end of document)\)$")
_TABLE = re.compile(r"\s*\[{1,2}(?P<name>[^\[\]]+)\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(
    r"""\s*(?P<name>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")

_WANTED = {
    "string_type": gettext_noop("text in quotes"),
    "int_type": gettext_noop("a whole number"),
    "float_type": gettext_noop("a number"),
    "bool_type": gettext_noop("true or false"),
    "list_type": gettext_noop("a list"),
    "dict_type": gettext_noop("a table"),
    "model_type": gettext_noop("a table"),
}


@dataclass(frozen=True)
class Table:
    """A TOML file: its data, and the line of each key."""

    path: str
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def line_of(self, *keys: str | int) -> int | None:
        """The line of a key, else of the nearest table around it; None for a key that would be at the top."""
        while keys:
            if keys in self.lines:
                return self.lines[keys]
            keys = keys[:-1]
        return None


def read_table(text: str, path: str, report: Report, *, first_line: int = 1) -> Table | None:
    """Parse TOML that begins at a line of its file; None, and a report, when it is not TOML."""
    try:
        data = tomllib.loads(text)
    except RecursionError:
        report(path, _("This TOML is nested too deeply."), line=first_line, code="wrong-toml")
        return None
    except ValueError as fault:
        position = _POSITION.search(str(fault))
        last_line = text.rstrip("\n").count("\n") + 1
        line = int(position["line"]) if position and position["line"] else last_line
        message = _("This is not TOML: %(fault)s.") % {"fault": _POSITION.sub("", str(fault)).rstrip(".")}
        report(path, message, line=line + first_line - 1, code="wrong-toml")
        return None
    return Table(path, data, find_key_lines(text, first_line=first_line))


def check_table(table: Table, schema: type[Schema], report: Report) -> Schema | None:
    """The table as the schema has it; None, and a report for every fault, when it does not fit."""
    try:
        return schema.model_validate(table.data)
    except ValidationError as faults:
        for fault in faults.errors(include_url=False):
            _report_fault(table, schema, fault, report)
        return None


def find_key_lines(text: str, *, first_line: int = 1) -> dict[KeyPath, int]:
    """The line of each key and table header of valid TOML, by its path."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    open_quotes = ""
    for number, line in enumerate(text.split("\n"), start=first_line):
        if open_quotes:
            open_quotes = "" if open_quotes in line else open_quotes
            continue
        if header := _TABLE.match(line):
            table = _split_key(header["name"])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_split_key(key["name"])), number)
        for quotes in ('"""', "'''"):
            if line.count(quotes) % 2:
                open_quotes = quotes
    return lines


def _split_key(name: str) -> KeyPath:
    return tuple(part.strip("\"'") for part in _KEY_PART.findall(name))


def _report_fault(table: Table, schema: type[BaseModel], fault: ErrorDetails, report: Report) -> None:
    keys = fault["loc"]
    name = ".".join(str(key) for key in keys if isinstance(key, str)) or "?"
    kind = fault["type"]
    if kind == "missing":
        line = table.line_of(*keys[:-1])
        report(table.path, _("“%(key)s” is missing.") % {"key": name}, line=line, code="missing-key")
    elif kind == "extra_forbidden":
        near = difflib.get_close_matches(str(keys[-1]), _known_keys(schema, keys[:-1]), n=1)
        message = _("“%(key)s” is not known here.") % {"key": name}
        if near:
            message += " " + _("Did you mean “%(key)s”?") % {"key": near[0]}
        report(table.path, message, line=table.line_of(*keys), code="unknown-key")
    elif kind in _WANTED:
        message = _("“%(key)s” must be %(wanted)s.") % {"key": name, "wanted": _(_WANTED[kind])}
        report(table.path, message, line=table.line_of(*keys), code="wrong-type")
    elif kind == "literal_error":
        message = _("“%(key)s” must be %(expected)s.") % {"key": name, "expected": fault["ctx"]["expected"]}
        report(table.path, message, line=table.line_of(*keys), code="wrong-value")
    else:
        message = _("“%(key)s”: %(fault)s.") % {"key": name, "fault": fault["msg"].rstrip(".")}
        report(table.path, message, line=table.line_of(*keys), code="wrong-value")


def _known_keys(schema: type[BaseModel], keys: Sequence[str | int]) -> list[str]:
    for key in keys:
        field = schema.model_fields.get(str(key))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        schema = inner
    return list(schema.model_fields)
