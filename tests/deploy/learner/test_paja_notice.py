"""What the server takes as a notice."""

import json
import os
from types import ModuleType

import pytest

NOTICE = {
    "language": "fi",
    "paja_url": "https://paja.example/labs/sessions/x/",
    "links": {"label": "Avaa istunto Pajassa"},
    "words": {"left": "{time} jäljellä"},
    "ends_at": "2026-11-22T12:00:00+00:00",
    "saved_at": None,
    "message": "Istunto päättyy pian.",
    "level": "warning",
}


def body(**changes: object) -> bytes:
    return json.dumps({**NOTICE, **changes}).encode()


def test_a_notice_is_kept_as_it_is(notices: ModuleType) -> None:
    assert notices.read_notice(body()) == NOTICE


def test_what_is_left_out_is_empty_and_what_is_unknown_is_left_out(notices: ModuleType) -> None:
    assert notices.read_notice(b'{"more": 1}') == {
        "language": "",
        "paja_url": "",
        "links": {},
        "words": {},
        "ends_at": None,
        "saved_at": None,
        "message": "",
        "level": "info",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"[]",
        b"<html>",
        b"[" * 10_000,
        body(message=3),
        body(message="x" * 1001),
        body(message="x" * 20_000),
        body(language="x" * 36),
        body(paja_url="javascript:alert(1)"),
        body(paja_url="data:text/html,x"),
        body(paja_url="//elsewhere.example/"),
        body(links=["label"]),
        body(links={"label": 3}),
        body(words={"left": "x" * 201}),
        body(ends_at="soon"),
        body(ends_at=3),
        body(saved_at="2026-11-22T12:00:00"),
        body(level="error"),
        body(level=["info"]),
    ],
)
def test_anything_else_is_no_notice(notices: ModuleType, wrong: bytes) -> None:
    with pytest.raises(notices.WrongNoticeError):
        notices.read_notice(wrong)


@pytest.mark.parametrize(
    ("language", "kept"), [("el", "el"), ("pt-BR", "pt-BR"), ("", "fi"), ("x\0y", "fi"), ("$(id)", "fi")]
)
def test_the_language_is_there_for_kernels_where_it_is_one(
    notices: ModuleType, monkeypatch: pytest.MonkeyPatch, language: str, kept: str
) -> None:
    monkeypatch.setenv("PAJA_LANGUAGE", "fi")
    notices.note_language(language)

    assert os.environ["PAJA_LANGUAGE"] == kept
