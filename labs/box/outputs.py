"""The outputs of cells, made from a kernel's messages the way nbclient makes them, within a budget."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from labs.box.wire import BrokenMessageError, Message

Output = dict[str, object]

_STUB_CHARACTERS: Final = 500
_MAX_DEPTH: Final = 50
_CUT: Final = "\n… output cut off …\n"


@dataclass
class OutputBudget:
    """The bytes of output that a run may still keep."""

    remaining: int

    def open_share(self) -> "OutputBudget":
        """What one cell may take: half of what is left, so that no cell silences all that come after it."""
        share = self.remaining // 2
        self.remaining -= share
        return OutputBudget(share)

    def take(self, size: int) -> bool:
        """Whether this fits; once something did not, nothing does."""
        if size > self.remaining:
            self.remaining = 0
            return False
        self.remaining -= size
        return True


@dataclass
class DisplayPlaces:
    """Where each display id of a run was shown, for updates that come from a later cell."""

    places: dict[str, list[Output]] = field(default_factory=dict)


class OutputCollector:
    """The outputs of one cell.

    When the budget is spent, output is cut off, but never what marks depend on: that there was an error, that
    something stood on stderr, and the value of the last expression.
    """

    def __init__(self, budget: OutputBudget, displays: DisplayPlaces) -> None:
        self.outputs: list[Output] = []
        self.execution_count: int | None = None
        self._budget = budget
        self._displays = displays
        self._clears_before_next = False

    def add(self, message: Message) -> None:
        """Take one message of iopub that belongs to the cell; one that makes no sense changes nothing."""
        try:
            if self._budget.remaining <= 0 and message.kind not in ("error", "execute_result", "stream"):
                return
            content = message.read_content()
            if message.kind in MAKERS:
                self._add_output(MAKERS[message.kind](content), _display_id(content), message.size)
            elif message.kind == "update_display_data":
                self._update(_make_display(content), _display_id(content), message.size)
            elif message.kind == "clear_output":
                self._clear(is_delayed=bool(content.get("wait")))
            elif message.kind == "execute_input":
                self._count(content)
        except BrokenMessageError:
            return

    def add_error(self, name: str, value: str, traceback: list[str]) -> None:
        """An error that the kernel could not or did not print, so that the cell does not look as if it passed."""
        self.outputs.append(_error(name, value, traceback))

    def add_reply_error(self, content: dict[str, object]) -> None:
        """As nbgrader: an error that the reply tells of and no output shows is added to the outputs."""
        error = _make_error(content)
        if any(out["output_type"] == "error" and out["ename"] == error["ename"] for out in self.outputs):
            return
        silent = ["ERROR: An error occurred while showtraceback was disabled"]
        error["traceback"] = error["traceback"] or silent
        if not self._budget.take(len(json.dumps(error))):
            error = _error(_cut(error["ename"]), _cut(error["evalue"]), silent)
        self.outputs.append(error)

    def _add_output(self, output: Output, display_id: str, size: int) -> None:
        if self._clears_before_next:
            self._clear(is_delayed=False)
        if not self._budget.take(size):
            self._add_stub(output)
            return
        last = self.outputs[-1] if self.outputs else None
        if last and output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] = f"{last['text']}{output['text']}"
            return
        if output["output_type"] == "execute_result":
            self.execution_count = _as_int(output["execution_count"], self.execution_count)
        self.outputs.append(output)
        if display_id:
            self._displays.places.setdefault(display_id, []).append(output)

    def _add_stub(self, output: Output) -> None:
        kind = output["output_type"]
        # From the end, where it soon is: a kernel may send such messages by the ten thousand.
        same = (
            old
            for old in reversed(self.outputs)
            if old["output_type"] == kind and old.get("name") == output.get("name")
        )
        if last := next(same, None):
            if kind == "stream" and not str(last["text"]).endswith(_CUT):
                last["text"] = f"{last['text']}{_CUT}"
        elif kind == "stream":
            self.outputs.append({**output, "text": _CUT})
        elif kind == "error":
            self.outputs.append(_error(_cut(output["ename"]), _cut(output["evalue"]), []))
        elif kind == "execute_result" and isinstance(output["data"], dict):
            text = _cut(output["data"].get("text/plain", ""))
            self.outputs.append({**output, "data": {"text/plain": text}, "metadata": {}})

    def _update(self, shown: Output, display_id: str, size: int) -> None:
        """Shown in many places it is also written many times: each of them costs."""
        places = self._displays.places.get(display_id, [])
        if places and self._budget.take(size * len(places)):
            for place in places:
                place["data"], place["metadata"] = shown["data"], shown["metadata"]

    def _clear(self, *, is_delayed: bool) -> None:
        self._clears_before_next = is_delayed
        if not is_delayed:
            self.outputs.clear()

    def _count(self, content: dict[str, object]) -> None:
        self.execution_count = _as_int(content.get("execution_count"), self.execution_count)


def remake_output(output: object) -> Output:
    """An output that another machine tells of, made anew of what outputs consist of; else BrokenMessageError."""
    kind = output.get("output_type") if isinstance(output, dict) else None
    if not isinstance(output, dict) or not isinstance(kind, str) or kind not in MAKERS:
        raise BrokenMessageError("no kind of output")
    return MAKERS[kind](output)


def _make_stream(content: dict[str, object]) -> Output:
    name = content.get("name")
    if name not in ("stdout", "stderr"):
        raise BrokenMessageError("no such stream")
    return {"output_type": "stream", "name": name, "text": _text(content.get("text"))}


def _make_display(content: dict[str, object]) -> Output:
    return {"output_type": "display_data", "data": _data(content.get("data")), "metadata": _metadata(content)}


def _make_result(content: dict[str, object]) -> Output:
    return {
        "output_type": "execute_result",
        "execution_count": _as_int(content.get("execution_count"), None),
        "data": _data(content.get("data")),
        "metadata": _metadata(content),
    }


def _make_error(content: dict[str, object]) -> Output:
    traceback = content.get("traceback")
    lines = [line for line in traceback if isinstance(line, str)] if isinstance(traceback, list) else []
    return _error(_text(content.get("ename")), _text(content.get("evalue")), lines)


def _error(name: str, value: str, traceback: list[str]) -> Output:
    lines = [_clean(line) for line in traceback]
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}


def _data(value: object) -> dict[str, object]:
    """A bundle of media types: text for all but JSON types, which keep what they are."""
    if not isinstance(value, dict):
        raise BrokenMessageError("no data")
    data: dict[str, object] = {}
    for name, content in value.items():
        is_json = name == "application/json" or name.endswith("+json")
        if isinstance(content, str):
            data[_clean(name)] = _clean(content)
        elif is_json:
            data[_clean(name)] = _plain_json(content)
        elif isinstance(content, list) and all(isinstance(line, str) for line in content):
            data[_clean(name)] = _clean("".join(content))
    return data


def _metadata(content: dict[str, object]) -> dict[str, object]:
    value = content.get("metadata")
    if not isinstance(value, dict):
        return {}
    cleaned = _plain_json(value)
    return cleaned if isinstance(cleaned, dict) else {}


def _plain_json(value: object, depth: int = 0) -> object:
    if depth > _MAX_DEPTH:
        raise BrokenMessageError("too deep")
    if isinstance(value, dict):
        return {_clean(name): _plain_json(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain_json(inner, depth + 1) for inner in value]
    return _clean(value) if isinstance(value, str) else value


def _display_id(content: dict[str, object]) -> str:
    transient = content.get("transient")
    found = transient.get("display_id") if isinstance(transient, dict) else None
    return found if isinstance(found, str) else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BrokenMessageError("no text")
    return _clean(value)


def _clean(text: str) -> str:
    """Text that every file and database can hold: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _cut(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _STUB_CHARACTERS else text[:_STUB_CHARACTERS] + "…"


def _as_int(value: object, otherwise: int | None) -> int | None:
    is_plain = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_plain else otherwise  # type: ignore[return-value]


MAKERS: Final[Mapping[str, Callable[[dict[str, object]], Output]]] = {
    "stream": _make_stream,
    "display_data": _make_display,
    "execute_result": _make_result,
    "error": _make_error,
}
