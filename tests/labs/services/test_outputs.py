"""What learners' code printed: nothing of it may run in a browser, and none of it may cost the server much."""

import base64
import time

import pytest
from django.utils.safestring import SafeString

from labs.services.outputs import (
    LINES_AT_ONCE,
    MAX_OUTPUTS,
    MAX_TEXT,
    Allowance,
    ShownOutput,
    clean_text,
    show_outputs,
    show_source,
)

PNG = b"\x89PNG\r\n\x1a\n and the rest"

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="java\tscript:alert(1)">x</a>',
    '<iframe src="https://example.org"></iframe>',
    '<iframe srcdoc="&lt;script&gt;alert(1)&lt;/script&gt;"></iframe>',
    '<svg onload="alert(1)"><script>alert(1)</script></svg>',
    '<math><mtext><table><mglyph><style><img src=x onerror="alert(1)">',
    '<form action="https://example.org"><input name="password"><button>Log in</button></form>',
    '<div hx-get="/accounts/logout/" hx-trigger="load" data-confirm="x">x</div>',
    '<p id="main" class="position-fixed top-0 w-100 h-100 dialog" style="position:fixed">x</p>',
    '<object data="data:text/html,x"></object><embed src="x"><base href="https://example.org">',
    '<meta http-equiv="refresh" content="0; url=https://example.org">',
    '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
    '<link rel="stylesheet" href="https://example.org/x.css"><style>body{display:none}</style>',
]
FORBIDDEN = [
    *("<script", "onerror", "onload", "javascript:", "<iframe", "<svg", "<form", "<input", "<button", "hx-"),
    *("style=", "position-fixed", 'id="main"', "<object", "<embed", "<base", "<meta", "<link", "<style"),
    *("svg+xml", "data-confirm", "alert(1)"),
]


def show(output: object) -> tuple[ShownOutput, ...]:
    return show_outputs([output], Allowance(), id_prefix="output-")


def display(**data: object) -> dict[str, object]:
    return {"output_type": "display_data", "data": {name.replace("__", "/"): data[name] for name in data}}


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_loses_what_could_run(html: str) -> None:
    for output in show(display(text__html=html)):
        assert output.kind == ("html" if isinstance(output.content, SafeString) else "note")
        assert not [word for word in FORBIDDEN if word in output.content.lower()]


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_markdown_loses_what_could_run(html: str) -> None:
    shown = show_source(f"# Title\n\n{html}\n", "markdown", Allowance(), id_prefix="cell-1-").html

    assert "<script" not in shown
    for word in (
        "onerror=",
        'href="javascript',
        "<iframe",
        "<svg",
        "<form",
        'style="',
        'id="main"',
        "hx-get=",
    ):
        assert word not in shown


@pytest.mark.parametrize("html", HOSTILE)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_printed_html_stays_text(html: str, name: str) -> None:
    (output,) = show({"output_type": "stream", "name": name, "text": html})

    assert not isinstance(output.content, SafeString)
    assert output.kind == ("stderr" if name == "stderr" else "text")


def test_code_is_escaped() -> None:
    shown = show_source("x = '<script>'", "code", Allowance(), id_prefix="").html

    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("cell_type", ["raw", "unknown", ""])
def test_cells_of_other_kinds_are_plain(cell_type: str) -> None:
    assert "&lt;b&gt;" in show_source("<b>", cell_type, Allowance(), id_prefix="").html


def test_tables_keep_their_shape() -> None:
    (output,) = show(
        display(text__html='<table class="dataframe"><tr><td>1</td></tr></table>', text__plain="1")
    )

    assert output.kind == "html"
    assert "<td>1</td>" in output.content


def test_html_of_which_nothing_is_left_gives_way_to_the_text() -> None:
    (output, note) = show(display(text__html="<script>draw()</script>", text__plain="<Figure>"))

    assert (output.kind, output.content) == ("text", "<Figure>")
    assert note.kind == "note"


def test_a_picture_is_encoded_anew() -> None:
    encoded = base64.b64encode(PNG).decode()
    (output,) = show(display(image__png=f"{encoded[:8]}\n{encoded[8:]}\n"))

    assert (output.kind, output.content) == ("image", f"data:image/png;base64,{encoded}")


@pytest.mark.parametrize(
    "content",
    [
        "not base64!",
        '"><script>alert(1)</script>',
        base64.b64encode(b"<svg onload=alert(1)>").decode(),
        "",
        None,
        {"a": 1},
    ],
)
def test_what_is_no_picture_is_not_shown_as_one(content: object) -> None:
    (output,) = show(display(image__png=content))

    assert output.kind == "note"
    assert "alert" not in output.content


@pytest.mark.parametrize(
    "media_type", ["application/javascript", "image/svg+xml", "application/vnd.jupyter.widget-view+json"]
)
def test_programs_are_named_and_not_shown(media_type: str) -> None:
    (output,) = show({"output_type": "display_data", "data": {media_type: "alert(1)"}})

    assert output.kind == "note"
    assert media_type in output.content
    assert "alert" not in output.content


def test_colours_and_control_characters_are_taken_off() -> None:
    assert clean_text("\x1b[0;31mred\x1b[0m \x1b]8;;http://x\x07link\x07 \x00\x08end") == "red link end"


def test_a_progress_bar_shows_its_last_state() -> None:
    assert clean_text("10%\r50%\r100%\ndone\r\n") == "100%\ndone\n"


def test_text_that_turns_the_direction_of_writing_is_straightened() -> None:
    assert clean_text("a\u202eb\u2066c") == "abc"
    assert "\u202e" not in show_source("a\u202eb", "code", Allowance(), id_prefix="").html


def test_an_error_shows_its_end_first() -> None:
    frames = [f"frame {number}" for number in range(100)]
    (output,) = show({"output_type": "error", "ename": "E", "evalue": "v", "traceback": frames})

    assert output.content.endswith("frame 99")
    assert output.rest.startswith("frame 0")


def test_an_error_without_a_traceback_has_its_name() -> None:
    (output,) = show({"output_type": "error", "ename": "NameError", "evalue": "x"})

    assert (output.kind, output.content) == ("error", "NameError: x")


def test_a_cell_that_was_not_run_says_so() -> None:
    (output,) = show(
        {"output_type": "error", "ename": "CellNotRun", "evalue": "", "traceback": ["CellNotRun"]}
    )

    assert (output.kind, output.content) == ("note", "Not run.")


def test_long_text_opens_on_demand_and_says_when_it_is_cut() -> None:
    (short,) = show({"output_type": "stream", "text": "line\n" * LINES_AT_ONCE})
    (long,) = show({"output_type": "stream", "text": "line\n" * 100})
    (endless,) = show({"output_type": "stream", "text": "x" * 10_000_000})

    assert (short.rest, short.is_cut) == ("", False)
    assert (long.content.count("line"), long.rest.count("line"), long.is_cut) == (LINES_AT_ONCE, 76, False)
    assert (len(endless.content), endless.is_cut) == (MAX_TEXT, True)


def test_a_cell_with_very_many_outputs_is_cut() -> None:
    shown = show_outputs([{"output_type": "stream", "text": "x"}] * 500, Allowance(), id_prefix="")

    assert len(shown) == MAX_OUTPUTS + 1
    assert shown[-1].kind == "note"


def test_a_page_has_an_allowance_of_characters_and_of_pictures() -> None:
    allowance = Allowance(characters=10, picture_bytes=10)
    text = {"output_type": "stream", "text": "x" * 11}
    picture = display(image__png=base64.b64encode(PNG).decode())

    assert [output.kind for output in show_outputs([text], allowance, id_prefix="")] == ["note"]
    assert [output.kind for output in show_outputs([picture], allowance, id_prefix="")] == ["note"]


def test_a_page_has_an_allowance_of_time_after_which_text_is_plain() -> None:
    shown = show_source("**bold** <b>", "markdown", Allowance(seconds=0), id_prefix="")

    assert shown.html == "<pre>**bold** &lt;b&gt;</pre>"


SHAPES: list[object] = [None, "text", 7, {"a": 1}, [None], [7], ["x"], [{}], [{"output_type": []}]]
DATA: list[object] = [None, [], "x", {"text/html": 7}, {"": None}]


@pytest.mark.parametrize(
    "outputs", [*SHAPES, *([{"output_type": "display_data", "data": data}] for data in DATA)]
)
def test_outputs_of_any_shape_are_survived(outputs: object) -> None:
    show_outputs(outputs, Allowance(), id_prefix="")


@pytest.mark.parametrize("source", [None, 7, {}, ["a", 7, "b"], "\ud800"])
@pytest.mark.parametrize("cell_type", ["markdown", "code"])
def test_sources_of_any_shape_are_survived(source: object, cell_type: str) -> None:
    html = show_source(source, cell_type, Allowance(), id_prefix="").html

    html.encode()


@pytest.mark.parametrize(
    "text",
    ["\x1b[" * 50_000, "\x1b]" * 50_000, "\r" * 100_000, "[" * 20_000, "*a_ " * 5_000],
    ids=["colours", "titles", "returns", "brackets", "stars"],
)
def test_text_made_to_be_slow_is_not(text: str) -> None:
    started_at = time.thread_time()

    show({"output_type": "stream", "text": text})
    show_source(text, "markdown", Allowance(), id_prefix="")

    assert time.thread_time() - started_at < 8


def test_half_a_character_breaks_no_page() -> None:
    half = "\ud800"
    outputs = [
        {"output_type": "error", "ename": half, "evalue": half, "traceback": [half]},
        {"output_type": "error", "ename": half, "evalue": half, "traceback": []},
        {"output_type": "stream", "name": "stdout", "text": [half]},
        {"output_type": "display_data", "data": {f"application/{half}": half, "text/plain": half}},
    ]
    shown = show_outputs(outputs, Allowance(), id_prefix="")
    assert shown
    for output in shown:
        output.content.encode()
