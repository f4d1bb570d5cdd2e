"""The shapes that a hub and a learner's server answer with. Whatever has another shape is refused here."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Self, TypeVar
from urllib.parse import urlsplit

Item = TypeVar("Item")

# A list or object in Python takes some thirty times the bytes it has in JSON. A folder of 1,000 files has 13,000.
MAX_VALUES: Final = 200_000
MAX_ITEMS: Final = 10_000
MAX_NUMBER: Final = 2**31 - 1
MAX_WEIGHT: Final = 99_999.0


class WrongShapeError(ValueError):
    """An answer that is not what the protocol says; the wrapper that asked turns it into its own fault."""


class TooManyValuesError(WrongShapeError):
    """JSON that would become more objects than any answer of the protocol has."""


def parse_json(body: bytes, *, max_values: int = MAX_VALUES) -> object:
    """JSON from outside. Nesting and numbers that break the parser are refused like any other nonsense.

    Values are counted before any is built; brackets and commas within texts count too.
    """
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > max_values:
        raise TooManyValuesError(f"more than {max_values} values")
    try:
        return json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise WrongShapeError(f"not JSON: {type(error).__name__}") from None


def refuse_constant(name: str) -> object:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(name)


def as_object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongShapeError(f"an object was expected, not {type(value).__name__}")
    return value


def as_list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise WrongShapeError(f"a list was expected, not {type(value).__name__}")
    return value


def as_str(value: object) -> str:
    if not isinstance(value, str):
        raise WrongShapeError(f"a text was expected, not {type(value).__name__}")
    return value


def as_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongShapeError(f"true or false was expected, not {type(value).__name__}")
    return value


def as_size(value: object) -> int:
    """A length in bytes. Jupyter gives none for folders."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise WrongShapeError("a size was expected")
    return value


def as_moment(value: object) -> datetime | None:
    """An ISO time with its zone, as UTC; both Jupyter projects write UTC with a `Z`."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(as_str(value))
        if moment.tzinfo is None:
            raise WrongShapeError("a time without its zone")
        return moment.astimezone(UTC)  # which the first and last days of the calendar do not survive
    except (ValueError, OverflowError):
        raise WrongShapeError("a time was expected") from None


def as_text(value: object, length: int) -> str:
    """A text of printable letters, `length` at most; none is an empty one."""
    text = "" if value is None else as_str(value)
    if len(text) > length or not text.isprintable():
        raise WrongShapeError("a short text was expected")
    return text


def as_name(value: object, length: int) -> str:
    if not (name := as_text(value, length)):
        raise WrongShapeError("a name was expected")
    return name


def as_count(value: object) -> int:
    """A whole number from 0 on; none is 0."""
    return as_known_count(value) or 0


def as_known_count(value: object) -> int | None:
    """A whole number from 0 on, where it is known."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise WrongShapeError("a number was expected")
    return value


def as_weight(value: object) -> Decimal:
    """GPU-hours an hour, in thousandths."""
    if value is None:
        return Decimal("0.000")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_WEIGHT:
        raise WrongShapeError("a weight was expected")
    return Decimal(f"{value:.3f}")


def as_flag(value: object) -> bool:
    """True or false; none is false."""
    return value is not None and as_bool(value)


def as_time(value: object) -> datetime:
    if (moment := as_moment(value)) is None:
        raise WrongShapeError("a time was expected")
    return moment


def read_items(value: object, from_wire: Callable[[object], Item]) -> tuple[Item, ...]:
    """A list of things of one kind; none is an empty one."""
    items = [] if value is None else as_list(value)
    if len(items) > MAX_ITEMS:
        raise WrongShapeError(f"more than {MAX_ITEMS} items")
    return tuple(from_wire(item) for item in items)


def as_path(value: object) -> str:
    """The path of an address, whichever host it names."""
    try:
        return urlsplit(as_str(value)).path
    except ValueError:
        raise WrongShapeError("an address was expected") from None


@dataclass(frozen=True)
class ServerModel:
    """One named server as its hub sees it.

    Neither ready nor pending means that it does not run: it failed to start, stopped, or died.
    """

    user: str
    name: str
    is_ready: bool
    pending: str  # "spawn", "stop", or "" when nothing is under way
    started_at: datetime | None
    last_activity_at: datetime | None
    url_path: str  # "/user/p-7f3a9c21/s-1f00ba12/", the same on the learner's origin and on the proxy

    @classmethod
    def from_wire(cls, value: object, *, user: str) -> Self:
        wire = as_object(value)
        pending = wire.get("pending")
        return cls(
            user=user,
            name=as_str(wire.get("name")),
            is_ready=as_bool(wire.get("ready")),
            pending="" if pending is None else as_str(pending),
            started_at=as_moment(wire.get("started")),
            last_activity_at=as_moment(wire.get("last_activity")),
            url_path=as_path(wire.get("url")),
        )


@dataclass(frozen=True)
class ServerToken:
    """A token for one server and a few minutes. It is shown once, never stored, never logged."""

    id: str
    token: str

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        return cls(id=as_str(wire.get("id")), token=as_str(wire.get("token")))

    def __repr__(self) -> str:
        return f"ServerToken(id={self.id!r})"


@dataclass(frozen=True)
class FileModel:
    """A file or folder of a learner's workspace; `path` is relative to it, with `/`."""

    path: str
    size: int
    modified_at: datetime | None
    is_folder: bool

    @classmethod
    def from_wire(cls, value: object, *, path: str) -> Self:
        wire = as_object(value)
        return cls(
            path=path,
            size=as_size(wire.get("size")),
            modified_at=as_moment(wire.get("last_modified")),
            is_folder=as_str(wire.get("type")) == "directory",
        )


@dataclass(frozen=True)
class KernelModel:
    """A kernel of a learner's server, by its own account."""

    last_activity_at: datetime | None
    is_busy: bool

    @classmethod
    def from_wire(cls, value: object) -> Self:
        wire = as_object(value)
        return cls(
            last_activity_at=as_moment(wire.get("last_activity")),
            is_busy=as_str(wire.get("execution_state")) == "busy",
        )
