"""The table of attacks: what plain nbgrader gave is recorded, and Paja gives nobody a point for nothing."""

import pytest

from tests.labs.box.attacks import Case, load_cases
from tests.parity.attacks import HONEST, describe, describe_ours, make_table, read_record, summarise

CASES = load_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_expects_points_that_nobody_honest_gets(case: Case) -> None:
    points = case.expected.get("points", {})
    assert {name: each for name, each in points.items() if each and name not in HONEST} == {}


def test_the_table_has_a_line_for_every_case() -> None:
    lines = list(make_table())
    assert len(lines) == len(CASES) + 1
    assert lines[0].split() == ["case", "plain", "nbgrader", "0.9.6", "Paja"]


def test_plain_nbgrader_gives_points_for_nothing_in_many_ways() -> None:
    counts = summarise()
    assert sum(counts.values()) == len(read_record()["cases"]) >= 40
    assert counts["for nothing"] >= 20


def test_a_line_says_what_was_given_for_nothing() -> None:
    gained = {"error": "", "points": {"test-first": 1, "test-values": 8, "test-last": None}}
    assert describe(gained) == "9 of 127, 8 of them for nothing"
    assert describe({"error": "", "points": {"test-first": 1, "test-values": 0}}) == "1 of 127"
    assert describe({"error": "DeadKernelError: Kernel died", "points": {}}) == "DeadKernelError"
    case = Case(
        "x", "", {"points": {"test-first": 1}, "reason": "tampered", "tampered": ["a"], "waiting": ["b"]}
    )
    assert describe_ours(case) == "1 of 127, tampered, 2 cells wait for a person"
