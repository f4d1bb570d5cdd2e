"""The line of each key in a TOML file."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from courses.package.tables import Table, find_key_lines

TEXT = '''\
slug = "a" # = comment
[title]
en = "A"
"fi" = "B"

[needs.data]  # a comment
sets = [
  "one = 1",
]
text = """
[not] a = table
b = 1
"""
[[step]]
name.first = 1
'''


def test_keys_and_tables_have_their_lines() -> None:
    assert find_key_lines(TEXT) == {
        ("slug",): 1,
        ("title",): 2,
        ("title", "en"): 3,
        ("title", "fi"): 4,
        ("needs", "data"): 6,
        ("needs", "data", "sets"): 7,
        ("needs", "data", "text"): 10,
        ("step",): 14,
        ("step", "name", "first"): 15,
    }


def test_a_key_without_a_line_is_looked_for_at_its_table() -> None:
    table = Table("a.toml", tomllib.loads(TEXT), find_key_lines(TEXT))
    assert table.line_of("title", "sv") == 2
    assert table.line_of("needs", "data", "sets", 0) == 7
    assert table.line_of("summary") is None


@given(st.text(alphabet="ab=[]\"'\n. #", max_size=60))
def test_no_text_is_too_odd_for_finding_lines(text: str) -> None:
    find_key_lines(text)
