"""Where in an .ipynb file something stands: the lines on which its cells and their texts are written."""

import json
import re
from typing import Final

_BLANK: Final = re.compile(r"[\s,:]*")


class NotebookPlaces:
    """The lines of the cells of one notebook file that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans = _find_cells(text)

    def find_line(self, cell: int, needle: str = "") -> int | None:
        """The line, from 1, on which the cell begins, or the first one in it on which `needle` stands."""
        if cell >= len(self._spans):
            return None
        start, end = self._spans[cell]
        place = start
        if needle:
            # As it is written in the file: quotes and letters may be escaped there.
            written = json.dumps(needle, ensure_ascii=False)[1:-1], json.dumps(needle)[1:-1]
            found = [at for at in (self._text.find(form, start, end) for form in written) if at >= 0]
            place = min(found, default=start)
        return self._text.count("\n", 0, place) + 1


def _find_cells(text: str) -> list[tuple[int, int]]:
    decoder = json.JSONDecoder()
    place = _skip(text, 0) + 1
    while (place := _skip(text, place)) < len(text) and text[place] == '"':
        name, place = decoder.raw_decode(text, place)
        place = _skip(text, place)
        if name == "cells" and text[place] == "[":
            return _find_items(text, place + 1, decoder)
        _, place = decoder.raw_decode(text, place)
    return []


def _find_items(text: str, place: int, decoder: json.JSONDecoder) -> list[tuple[int, int]]:
    spans = []
    while (place := _skip(text, place)) < len(text) and text[place] != "]":
        start = place
        _, place = decoder.raw_decode(text, place)
        spans.append((start, place))
    return spans


def _skip(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match else place
