"""One table of a TOML file, read value by value: what is wrong is noted with its place, and reading goes on."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

WORD: Final = (
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"  # a name of Slurm's or of Unix: never an option, never a path
)
ADDRESS: Final = r"https?://[!-~]+"


@dataclass
class Table:
    """`place` is how a person finds it in the file; `faults` is shared by all tables of the file."""

    values: dict[str, Any]
    place: str
    faults: list[str]
    _read: set[str] = field(default_factory=set)

    def text(self, name: str, pattern: str = ".+", *, default: str | None = None) -> str:
        found = self._take(name, default)
        if found is None:
            return ""
        if found == default:
            return str(found)
        if not isinstance(found, str) or not re.fullmatch(pattern, found):
            self.fault(name, f"{found!r} is no text of the form {pattern}")
            return ""
        return found

    def texts(
        self, name: str, pattern: str = ".+", *, default: Iterable[str] | None = None
    ) -> tuple[str, ...]:
        found = self._take(name, None if default is None else list(default))
        if found is None:
            return ()
        if not isinstance(found, list) or not all(
            isinstance(each, str) and re.fullmatch(pattern, each) for each in found
        ):
            self.fault(name, f"{found!r} is no list of texts of the form {pattern}")
            return ()
        return tuple(found)

    def pattern(self, name: str) -> str:
        """A regular expression, or empty."""
        return next(iter(self._compiled(name, [self.text(name, default="")])), "")

    def patterns(self, name: str) -> tuple[str, ...]:
        return self._compiled(name, self.texts(name, default=()))

    def number(self, name: str, least: int, most: int, *, default: int | None = None) -> int:
        found = self._take(name, default)
        if found is None:
            return least
        if type(found) is not int or not least <= found <= most:
            self.fault(name, f"{found!r} is no whole number from {least} to {most}")
            return least
        return found

    def share(self, name: str, least: float, most: float, *, default: float | None = None) -> float:
        found = self._take(name, default)
        if found is None:
            return least
        if type(found) not in {int, float} or not least <= found <= most:
            self.fault(name, f"{found!r} is no number from {least} to {most}")
            return least
        return float(found)

    def is_set(self, name: str) -> bool:
        found = self._take(name, False)
        if type(found) is not bool:
            self.fault(name, f"{found!r} is neither true nor false")
        return found is True

    def find_table(self, name: str) -> "Table | None":
        """The table of that name below this one; None where there is none."""
        found = self._take(name, {})
        if not isinstance(found, dict):
            self.fault(name, "is no table")
        below = self.place_of(name)
        return Table(found, below, self.faults) if found and isinstance(found, dict) else None

    def table(self, name: str) -> "Table":
        return self.find_table(name) or Table({}, self.place_of(name), self.faults)

    def tables(self, name: str) -> list["Table"]:
        found = self._take(name, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.fault(name, "is no list of tables")
            return []
        return [Table(each, f"{self.place_of(name)}[{at}]", self.faults) for at, each in enumerate(found, 1)]

    def close(self) -> None:
        """What was never asked for is a slip of the pen, not a wish to be passed over."""
        for name in sorted(self.values.keys() - self._read):
            self.fault(name, "is not known")

    def note_doubles(self, name: str, values: Iterable[str]) -> None:
        for value, count in Counter(values).items():
            if value and count > 1:
                self.fault(name, f"{value!r} stands there {count} times")

    def fault(self, name: str, what: str) -> None:
        self.faults.append(f"{self.place_of(name)}: {what}")

    def place_of(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def _compiled(self, name: str, patterns: Iterable[str]) -> tuple[str, ...]:
        good = []
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                self.fault(name, f"{pattern!r} is no regular expression: {error}")
            else:
                good.append(pattern)
        return tuple(good)

    def _take(self, name: str, default: Any) -> Any:
        self._read.add(name)
        found = self.values.get(name, default)
        if found is None:
            self.fault(name, "is missing")
        return found
