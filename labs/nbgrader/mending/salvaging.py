"""A learner's bytes into a notebook's JSON: without outputs, and with what a crash or a full disk has left of it."""

import json
import re
from typing import Any, Final

from labs.exceptions import InvalidNotebookError
from labs.nbgrader.results import DamageKind

# With all its outputs.
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
# Lists in outputs that are gone through one by one: about two seconds.
_MAX_BRACKETS: Final = 1_000_000
# Objects and lists of what is left: about 150 MB of memory.
_MAX_OBJECTS: Final = 2_000_000
# Broken cells after which the next whole one is looked for; each may cost a look through all that follows.
_MAX_BROKEN: Final = 20
_MAX_DIGITS: Final = 300

# Possessive throughout: a string of 100 MB must leave no places behind to go back to.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_OUTPUTS: Final = re.compile(rb'"outputs"\s*+:\s*+\[')
_BEFORE_OUTPUTS: Final = re.compile(rb'(?:[^"]++|(?!"outputs"\s*+:\s*+\[)' + _STRING + rb")*+", re.DOTALL)
_FLAT: Final = rb'(?:[^"\[\]]++|' + _STRING + rb")*+"
_BEFORE_BRACKET: Final = re.compile(rb'(?:[^"\[\]]++|' + _STRING + rb"|\[" + _FLAT + rb"\])*+", re.DOTALL)

_CELLS: Final = re.compile(r'"cells"\s*+:\s*+\[')
_FORMAT: Final = re.compile(r'"nbformat"\s*+:\s*+([2-4])\b')
_CELL: Final = re.compile(r'\{\s*+"(?:cell_type|attachments|collapsed|execution_count|id|metadata)"')
_GAP: Final = re.compile(r"[\s,]*+")

Salvaged = tuple[Any, set[DamageKind]]


def salvage_json(content: bytes, *, max_bytes: int) -> Salvaged:
    """What the JSON of a notebook says, outputs left out, and what was wrong with it.

    `max_bytes` is for what is left without outputs: time and memory are those of walking once through
    MAX_FILE_BYTES and of reading that much JSON. Raises InvalidNotebookError, nothing else.
    """
    if len(content) > MAX_FILE_BYTES:
        raise InvalidNotebookError(f"{len(content)} bytes", reason="notebook_too_large")
    kinds = {DamageKind.HUGE_OUTPUT} if len(content) > max_bytes else set()
    encoding = json.detect_encoding(content)
    if not encoding.startswith("utf-8"):
        _check_size(content, max_bytes)
        content = content.decode(encoding, "replace").encode("utf-8", "replace")
        kinds.add(DamageKind.NOTEBOOK_GARBLED)
    reduced = drop_outputs(content)
    _check_size(reduced, max_bytes)
    text, is_whole = _decode(reduced)
    if not is_whole:
        kinds.add(DamageKind.NOTEBOOK_GARBLED)
    try:
        raw, found = _parse(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidNotebookError(str(error), reason="broken_json") from error
    return raw, kinds | found


def _check_size(content: bytes, max_bytes: int) -> None:
    if len(content) > max_bytes or content.count(b"{") + content.count(b"[") > _MAX_OBJECTS:
        raise InvalidNotebookError(f"{len(content)} bytes", reason="notebook_too_large")


def drop_outputs(content: bytes) -> bytes:
    """The same JSON with every list called `outputs` empty; where such a list has no end, all after it is gone.

    Nothing of them is built or copied: a notebook of 256 MB takes the memory of what is left.
    """
    kept: list[bytes] = []
    place = brackets = 0
    while True:
        start = place
        place = _end(_BEFORE_OUTPUTS, content, start)
        found = _OUTPUTS.match(content, place)
        if found is None:
            return b"".join((*kept, content[start:])) if kept else content
        kept += [content[start : found.end()], b"]"]
        place, depth = found.end(), 1
        while depth:
            place = _end(_BEFORE_BRACKET, content, place)
            if place >= len(content) or content[place] == ord('"'):
                return b"".join(kept)
            depth += 1 if content[place] == ord("[") else -1
            place += 1
            brackets += 1
            if brackets > _MAX_BRACKETS:
                raise InvalidNotebookError("outputs of too many lists", reason="notebook_too_large")


def _end(pattern: re.Pattern[bytes], content: bytes, place: int) -> int:
    found = pattern.match(content, place)
    return found.end() if found else place


def _decode(content: bytes) -> tuple[str, bool]:
    """Text, and whether all of it was UTF-8; Latin-1 where more of what is not ASCII is not UTF-8 than is."""
    try:
        return content.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        text = content.decode("utf-8-sig", "replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    letters = len(text) - len(text.encode("ascii", "ignore")) - broken
    return (text if letters >= broken else content.decode("latin-1")), False


def _read_int(digits: str) -> int:
    """Python refuses to read a number of thousands of digits, and nothing here needs one."""
    return int(digits) if len(digits) <= _MAX_DIGITS else 0


def _parse(text: str) -> Salvaged:
    decoder = json.JSONDecoder(parse_constant=lambda _: None, parse_int=_read_int)
    try:
        return decoder.decode(text), set()
    except (ValueError, RecursionError):
        lenient = json.JSONDecoder(parse_constant=lambda _: None, parse_int=_read_int, strict=False)
    try:
        raw, _ = lenient.raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return _parse_cells(text, lenient)
    return raw, {DamageKind.NOTEBOOK_GARBLED}


def _parse_cells(text: str, decoder: json.JSONDecoder) -> Salvaged:
    """The cells that are whole. Raises ValueError where there are none."""
    start = _CELLS.search(text)
    if start is None:
        raise ValueError("no cells")
    place, cells, broken = start.end(), [], 0
    while not text.startswith("]", place := _skip(text, place)):
        try:
            cell, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            broken += 1
            following = _CELL.search(text, place + 1)
            if following is None or broken > _MAX_BROKEN:
                break
            place = following.start()
        else:
            # Behind a broken cell, an object may be a part of it.
            if not broken or (isinstance(cell, dict) and cell.keys() & {"source", "input"}):
                cells.append(cell)
    if not cells:
        raise ValueError("no whole cell")
    is_cut = not text.startswith("]", place)
    kind = DamageKind.NOTEBOOK_CUT if is_cut else DamageKind.NOTEBOOK_GARBLED
    return _around(text, start.start(), cells), {kind}


def _skip(text: str, place: int) -> int:
    gap = _GAP.match(text, place)
    return gap.end() if gap else place


def _around(text: str, cells_at: int, cells: list[Any]) -> dict[str, Any]:
    is_old = '"worksheets"' in text[:cells_at]
    said = _FORMAT.search(text[:cells_at]) if is_old else None
    if is_old:
        version = min(int(said.group(1)), 3) if said else 3
        return {"nbformat": version, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
