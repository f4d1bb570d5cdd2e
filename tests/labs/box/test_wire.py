"""A kernel's messages as bytes: what of them is read, and what is not even looked into."""

import pytest

from labs.box.wire import BrokenMessageError, Message, read_message


def message(content: bytes) -> Message:
    return read_message(
        "iopub", [b"<IDS|MSG>", b"", b'{"msg_type": "stream"}', b'{"msg_id": "1"}', b"{}", content]
    )


def test_a_message_is_its_type_its_parent_and_its_content() -> None:
    read = message(b'{"text": "words"}')
    assert (read.kind, read.parent_id) == ("stream", "1")
    assert read.read_content() == {"text": "words"}


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_no_database_takes_are_none(number: bytes) -> None:
    assert message(b'{"a": [' + number + b", 1.5]}").read_content() == {"a": [None, 1.5]}


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"words",
        b"\xff",
        b'{"a": ' + b"[" * 100_000,
        b'{"a": [' + b"[]," * 250_000 + b"0]}",
        b'{"a": ' + b"1" * 10_000 + b"}",
    ],
    ids=["list", "words", "bytes", "deep", "wide", "digits"],
)
def test_what_is_no_object_of_bearable_size_is_refused(content: bytes) -> None:
    with pytest.raises(BrokenMessageError):
        message(content).read_content()
