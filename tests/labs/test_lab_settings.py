"""What lab.toml's tables know, and what is said of a value that makes no sense."""

from typing import Any

import pytest

from labs.lab_settings import LabSettings, read_settings

KEYS = "attempts, cell_seconds, feedback, late_penalty, memory_mb, pace_minutes, total_seconds"


def read(**tables: Any) -> tuple[LabSettings, list[str]]:
    """The settings, and everything that was told of them."""
    told: list[str] = []

    def tell(path: str, message: str, *, line: int | None = None, code: str, is_hint: bool = False) -> None:
        assert (path, code, is_hint) == ("lab.toml", "lab-setting", False)
        told.append(message)

    return read_settings(tables, tell), told


def test_a_lab_may_say_nothing() -> None:
    assert read() == (LabSettings(needs={}, limits={}, session={}, grading={}), [])


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        (3, "[needs] is a table of numbers."),
        ({"gpu": 1}, "[needs] has no “gpu”; it knows gpus, memory_gb, minutes."),
        ({"gpus": -1}, "gpus is a whole number from 0 to 8."),
        ({"gpus": True}, "gpus is a whole number from 0 to 8."),
        ({"gpus": "one"}, "gpus is a whole number from 0 to 8."),
    ],
)
def test_what_makes_no_sense_among_the_needs_is_said(needs: Any, words: str) -> None:
    assert read(needs=needs)[1] == [words]


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (3, "[session] is a table."),
        ({"idle": 5}, "[session] has no “idle”; it knows idle_minutes, sessions_max, tools."),
        ({"idle_minutes": 4}, "idle_minutes is a whole number from 5 to 480."),
        ({"idle_minutes": 481}, "idle_minutes is a whole number from 5 to 480."),
        ({"sessions_max": 0}, "sessions_max is a whole number from 1 to 1000."),
        ({"sessions_max": 1001}, "sessions_max is a whole number from 1 to 1000."),
        ({"sessions_max": True}, "sessions_max is a whole number from 1 to 1000."),
        ({"tools": "terminal"}, "tools is a list of names; it knows language-server, terminal."),
        ({"tools": ["rocket"]}, "“rocket” is no tool of a lab; known are language-server, terminal."),
        (
            {"tools": [["terminal"]]},
            "“['terminal']” is no tool of a lab; known are language-server, terminal.",
        ),
    ],
)
def test_what_makes_no_sense_in_the_table_of_the_session_is_said(session: Any, words: str) -> None:
    assert read(session=session)[1] == [words]


def test_a_tool_is_named_once() -> None:
    tools = ["terminal", "language-server", "terminal"]
    settings, told = read(session={"idle_minutes": 5, "sessions_max": 1000, "tools": tools})
    assert told == []
    assert settings.session == {
        "idle_minutes": 5,
        "sessions_max": 1000,
        "tools": ["language-server", "terminal"],
    }


@pytest.mark.parametrize(
    ("grading", "words"),
    [
        ("full", "[grading] is a table."),
        (
            {"points": 3},
            f"[grading] has no “points”; it knows {KEYS}.",
        ),
        ({"cell_seconds": 10**9}, "cell_seconds is a whole number from 1 to 3600."),
        ({"total_seconds": 0}, "total_seconds is a whole number from 1 to 7200."),
        ({"memory_mb": 127}, "memory_mb is a whole number from 128 to 65536."),
        ({"attempts": 0}, "attempts is a whole number from 1 to 1000."),
        ({"attempts": 1001}, "attempts is a whole number from 1 to 1000."),
        ({"pace_minutes": 0.5}, "pace_minutes is a whole number from 1 to 1440."),
        ({"pace_minutes": 1441}, "pace_minutes is a whole number from 1 to 1440."),
        ({"feedback": "all"}, "feedback cannot be “all”; it is one of points, messages, full."),
        ({"feedback": ["full"]}, "feedback cannot be “['full']”; it is one of points, messages, full."),
        ({"late_penalty": 0}, "late_penalty cannot be “0”; it is one of none, zero."),
    ],
)
def test_what_makes_no_sense_in_the_table_of_the_grading_is_said(grading: Any, words: str) -> None:
    assert read(grading=grading)[1] == [words]


def test_the_limits_of_the_box_are_kept_apart_from_what_the_author_chose_for_learners() -> None:
    limits = {"cell_seconds": 1, "total_seconds": 7200, "memory_mb": 65536}
    chosen = {"feedback": "messages", "attempts": 1000, "pace_minutes": 1440, "late_penalty": "none"}
    settings, told = read(grading={**chosen, **limits})
    assert told == []
    assert (settings.limits, settings.grading) == (limits, chosen)
