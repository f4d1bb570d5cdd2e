"""The tables of a lab's lab.toml: which values they know, and what is allowed for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from courses.unit_kinds import Report
from labs.nbgrader.results import FeedbackDetail

# What is sensible, by name: the lowest and the highest.
NEEDS: Final = {"gpus": (0, 8), "memory_gb": (0, 480), "minutes": (0, 4320)}
LIMITS: Final = {"cell_seconds": (1, 3600), "total_seconds": (1, 7200), "memory_mb": (128, 65536)}
POLICY: Final = {"attempts": (1, 1000), "pace_minutes": (1, 1440)}
CHOICES: Final = {"feedback": tuple(map(str, FeedbackDetail)), "late_penalty": ("none", "zero")}
SESSION: Final = {"idle_minutes": (5, 480), "sessions_max": (1, 1000)}
TOOLS: Final = ("language-server", "terminal")


@dataclass(frozen=True)
class LabSettings:
    """lab.toml's tables as a release keeps them; `[grading]` is two: the box's limits, and what an author chose."""

    needs: Mapping[str, int]
    limits: Mapping[str, int]
    session: Mapping[str, Any]
    grading: Mapping[str, Any]


def read_settings(tables: Mapping[str, Any], tell: Report) -> LabSettings:
    """Tells everything that makes no sense in them."""
    limits, grading = read_grading(tables, tell)
    return LabSettings(
        needs=read_numbers(tables, "needs", NEEDS, tell),
        limits=limits,
        session=read_session(tables, tell),
        grading=grading,
    )


def read_grading(tables: Mapping[str, Any], tell: Report) -> tuple[dict[str, int], dict[str, Any]]:
    """[grading]: the numbers of the box, and beside them what the lab's author chose for its learners."""
    values = tables.get("grading", {})
    if not isinstance(values, dict):
        tell("lab.toml", _("[%(name)s] is a table.") % {"name": "grading"}, code="lab-setting")
        return {}, {}
    numbers = {key: value for key, value in values.items() if key not in CHOICES}
    read_numbers({"grading": numbers}, "grading", LIMITS | POLICY, tell, others=[*CHOICES])
    chosen = {key: value for key, value in values.items() if key in CHOICES}
    for key, value in chosen.items():
        if value not in CHOICES[key]:
            words = {"key": key, "value": value, "known": ", ".join(CHOICES[key])}
            message = _("%(key)s cannot be “%(value)s”; it is one of %(known)s.") % words
            tell("lab.toml", message, code="lab-setting")
    limits = {key: value for key, value in numbers.items() if key in LIMITS}
    return limits, chosen | {key: value for key, value in numbers.items() if key in POLICY}


def read_numbers(
    tables: Mapping[str, Any],
    name: str,
    known: Mapping[str, tuple[int, int]],
    tell: Report,
    *,
    others: Sequence[str] = (),
) -> dict[str, int]:
    """A table of whole numbers in lab.toml, each from the lowest to the highest that `known` has for it.

    `others` are further keys of that table, read elsewhere.
    """
    values = tables.get(name, {})
    if not isinstance(values, dict):
        tell("lab.toml", _("[%(name)s] is a table of numbers.") % {"name": name}, code="lab-setting")
        return {}
    for key, value in values.items():
        if key not in known:
            words = {"name": name, "key": key, "known": ", ".join(sorted([*known, *others]))}
            message = _("[%(name)s] has no “%(key)s”; it knows %(known)s.") % words
            tell("lab.toml", message, code="lab-setting")
            continue
        lowest, highest = known[key]
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            message = _("%(key)s is a whole number from %(lowest)s to %(highest)s.")
            words = {"key": key, "lowest": lowest, "highest": highest}
            tell("lab.toml", message % words, code="lab-setting")
    return dict(values)


def read_session(tables: Mapping[str, Any], tell: Report) -> dict[str, Any]:
    """[session]: two numbers, and `tools`, what JupyterLab loads beside the notebook."""
    values = tables.get("session", {})
    if not isinstance(values, dict):
        tell("lab.toml", _("[%(name)s] is a table.") % {"name": "session"}, code="lab-setting")
        return {}
    numbers = {key: value for key, value in values.items() if key != "tools"}
    session: dict[str, Any] = read_numbers({"session": numbers}, "session", SESSION, tell, others=["tools"])
    if "tools" in values:
        session["tools"] = read_tools(values["tools"], tell)
    return session


def read_tools(value: object, tell: Report) -> list[str]:
    """A list of tools, each once, in an order that says nothing."""
    known = ", ".join(TOOLS)
    if not isinstance(value, list):
        tell(
            "lab.toml",
            _("tools is a list of names; it knows %(known)s.") % {"known": known},
            code="lab-setting",
        )
        return []
    for tool in value:
        if tool not in TOOLS:
            message = _("“%(tool)s” is no tool of a lab; known are %(known)s.")
            tell("lab.toml", message % {"tool": tool, "known": known}, code="lab-setting")
    return sorted({tool for tool in value if tool in TOOLS})
