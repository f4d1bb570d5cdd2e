"""Bytes that were once a notebook, or never were: strategies for hypothesis."""

import json
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

_DEEP: Final = "\N{ANCHOR}deep"
_ODD: Final[list[Any]] = [
    None, True, 0, -1, 10**400, 0.5, float("nan"), float("inf"), "", "x", "\0", "\ud800", "\N{SNOWMAN}" * 3, "1e999",
    [], [None], {}, {"a": []}, {"grade_id": "double"}, {"nbgrader": 5}, {"nbgrader": {"grade_id": "plan"}}, _DEEP,
    "code", "markdown", "raw", "heading", "double", "test-double", "explain", "plan",
]  # fmt: skip
_KEYS: Final = [
    "cell_type",
    "metadata",
    "nbgrader",
    "grade_id",
    "source",
    "id",
    "cells",
    "nbformat",
    "worksheets",
    "tags",
]


def mutate_bytes(content: bytes) -> st.SearchStrategy[bytes]:
    """Flipped, cut, put in, and moved."""
    place = st.integers(0, len(content))
    change = st.tuples(place, place, st.binary(max_size=4))
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: _splice(content, changes))


def _splice(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, put in changes:
        # Mostly a few bytes, now and then much of the rest.
        content = content[:start] + put + content[start + (length if length % 5 == 0 else length % 7) :]
    return content


def mutate_json(content: bytes) -> st.SearchStrategy[bytes]:
    """Something else at some places of the tree: another value, none, a copy, another order."""
    way = st.lists(st.integers(0, 30), min_size=1, max_size=6)
    change = st.tuples(way, st.sampled_from(["put", "delete", "copy", "turn", "key"]), st.sampled_from(_ODD))
    return st.lists(change, min_size=1, max_size=6).map(lambda changes: _edit(content, changes))


def any_json() -> st.SearchStrategy[bytes]:
    """JSON with a notebook's keys in it."""
    values = st.recursive(
        st.sampled_from(_ODD) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)
        ),
        max_leaves=12,
    )
    return values.map(
        lambda value: _write({"nbformat": 4, "cells": value} if not isinstance(value, dict) else value)
    )


def _edit(content: bytes, changes: list[tuple[list[int], str, Any]]) -> bytes:
    tree = json.loads(content)
    for way, operation, value in changes:
        inner: Any = tree
        for number in way[:-1]:
            following = _child(inner, number)
            if not isinstance(following, dict | list) or not following:
                break
            inner = following
        _change(inner, way[-1], operation, deepcopy(value))
    return _write(tree)


def _child(tree: Any, number: int) -> Any:
    if not tree:
        return None
    return list(tree.values())[number % len(tree)] if isinstance(tree, dict) else tree[number % len(tree)]


def _change(tree: Any, number: int, operation: str, value: Any) -> None:
    if not tree:
        return
    if isinstance(tree, dict):
        key = list(tree)[number % len(tree)]
        if operation == "delete":
            del tree[key]
        elif operation == "key":
            tree[_KEYS[number % len(_KEYS)]] = value
        else:
            tree[key] = value
        return
    place = number % len(tree)
    if operation == "delete":
        del tree[place]
    elif operation == "copy":
        tree.append(deepcopy(tree[place]))
    elif operation == "turn":
        tree.reverse()
    else:
        tree[place] = value


def _write(tree: Any) -> bytes:
    text = json.dumps(tree)
    deep = json.dumps(_DEEP)
    return text.replace(deep, "[" * 50_000 + "]" * 50_000).encode()


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """A notebook whose bytes or whose JSON were changed, or anything at all."""
    return mutate_json(content) | mutate_bytes(content) | any_json() | st.binary(max_size=200)
