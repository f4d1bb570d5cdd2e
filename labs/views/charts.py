"""What `config/static/js/charts.js` draws: always beside a table that says the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

LOOKS: Final = ("own", "second", "third", "fourth")
"""Looks of series that have no meaning of their own, in the order of their first use."""


@dataclass(frozen=True)
class Series:
    """`look` is one of charts.js: a colour of the theme with a pattern of its own."""

    label: str
    values: Sequence[float]
    look: str = "own"


@dataclass(frozen=True)
class Chart:
    """`bars` lie and `columns` stand, both stacked; `lines` go in steps. `axis` names what is counted."""

    kind: Literal["bars", "columns", "lines"]
    labels: Sequence[str]
    series: Sequence[Series]
    axis: str = ""

    @property
    def json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)
