"""Outputs from a kernel's messages: as nbclient makes them, within a budget, whatever the kernel says."""

import json
from typing import Any

import pytest

from labs.box.outputs import DisplayPlaces, OutputBudget, OutputCollector
from labs.box.wire import BrokenMessageError, Message, read_message


def message(kind: str, **content: Any) -> Message:
    raw = json.dumps(content).encode()
    return Message("iopub", kind, "parent", len(raw), raw)


def collect(
    *messages: Message, budget: int = 10_000, displays: DisplayPlaces | None = None
) -> list[dict[str, Any]]:
    collector = OutputCollector(OutputBudget(budget), displays or DisplayPlaces())
    for each in messages:
        collector.add(each)
    return collector.outputs


def test_a_stream_is_one_output_until_another_comes_between() -> None:
    outputs = collect(
        message("stream", name="stdout", text="a"),
        message("stream", name="stdout", text="b"),
        message("stream", name="stderr", text="c"),
        message("stream", name="stdout", text="d"),
    )
    assert [(output["name"], output["text"]) for output in outputs] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_clearing_takes_effect_at_once_or_with_the_next_output() -> None:
    first, second = message("stream", name="stdout", text="1"), message("stream", name="stdout", text="2")
    assert collect(first, message("clear_output", wait=False)) == []
    assert len(collect(first, message("clear_output", wait=True))) == 1
    assert [output["text"] for output in collect(first, message("clear_output", wait=True), second)] == ["2"]


def test_a_display_can_be_updated_from_a_later_cell() -> None:
    displays = DisplayPlaces()
    shown = {"data": {"text/plain": "old"}, "metadata": {}, "transient": {"display_id": "x"}}
    outputs = collect(message("display_data", **shown), displays=displays)
    collect(message("update_display_data", **{**shown, "data": {"text/plain": "new"}}), displays=displays)
    assert outputs[0]["data"] == {"text/plain": "new"}


def test_an_update_costs_as_often_as_it_is_shown() -> None:
    shown = {"data": {"text/plain": "old"}, "metadata": {}, "transient": {"display_id": "x"}}
    update = message("update_display_data", **{**shown, "data": {"text/plain": "n" * 400}})

    assert collect(message("display_data", **shown), update, budget=1_000)[0]["data"] != shown["data"]
    for output in collect(*[message("display_data", **shown)] * 3, update, budget=1_000):
        assert output["data"] == shown["data"]


def test_an_error_that_only_the_reply_tells_of_is_cut_when_it_is_too_long() -> None:
    collector = OutputCollector(OutputBudget(1_000), DisplayPlaces())
    collector.add_reply_error({"ename": "E" * 5_000, "evalue": "v" * 5_000, "traceback": ["t" * 5_000]})

    assert [output["output_type"] for output in collector.outputs] == ["error"]
    assert len(json.dumps(collector.outputs)) < 2_000


def test_when_the_budget_is_spent_what_marks_depend_on_is_kept() -> None:
    outputs = collect(
        message("stream", name="stdout", text="x" * 500),
        message("stream", name="stderr", text="warning " * 100),
        message("display_data", data={"image/png": "y" * 500}, metadata={}),
        message(
            "execute_result",
            data={"text/plain": "0.5", "text/html": "z" * 500},
            metadata={},
            execution_count=1,
        ),
        message("error", ename="AssertionError", evalue="e" * 5000, traceback=["t" * 5000]),
        budget=100,
    )
    kinds = [(output["output_type"], output.get("name")) for output in outputs]
    assert kinds == [("stream", "stdout"), ("stream", "stderr"), ("execute_result", None), ("error", None)]
    assert outputs[2]["data"] == {"text/plain": "0.5"}
    assert outputs[3]["ename"] == "AssertionError"
    assert len(json.dumps(outputs)) < 2000


def test_a_flood_after_the_budget_adds_nothing() -> None:
    flood = [message("stream", name="stdout", text="x" * 90)] * 1000
    assert len(json.dumps(collect(*flood, budget=200))) < 500


def test_a_share_leaves_something_for_the_cells_that_come() -> None:
    budget = OutputBudget(1000)
    share = budget.open_share()
    assert not share.take(5000)
    assert budget.remaining == 500


@pytest.mark.parametrize(
    "hostile",
    [
        message("stream", name="nowhere", text="x"),
        message("stream", name="stdout", text=["x"]),
        message("display_data", data="x", metadata={}),
        message("error", ename=None, evalue="", traceback=[]),
        message("update_display_data", data={}, transient={"display_id": ["x"]}),
        message("comm_open", comm_id="1", data={"state": {}}),
        Message("iopub", "stream", "", 1, b"["),
        Message("iopub", "stream", "", 1, b"[" * 100_000),
    ],
    ids=lambda each: f"{each.kind} {each.raw_content[:30]!r}",
)
def test_what_makes_no_sense_changes_nothing(hostile: Message) -> None:
    assert collect(hostile) == []


def test_outputs_can_be_stored_anywhere() -> None:
    outputs = collect(
        Message("iopub", "stream", "", 1, rb'{"name": "stdout", "text": "\ud800 \u0000"}'),
        Message(
            "iopub", "display_data", "", 1, b'{"data": {"application/json": [NaN, Infinity]}, "metadata": {}}'
        ),
    )
    text = json.dumps(outputs, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    assert text.encode()


def test_an_error_that_only_the_reply_tells_of_is_shown_once() -> None:
    collector = OutputCollector(OutputBudget(1000), DisplayPlaces())
    reply: dict[str, object] = {"ename": "ValueError", "evalue": "no", "traceback": []}
    collector.add_reply_error(reply)
    collector.add_reply_error(reply)
    assert [output["ename"] for output in collector.outputs] == ["ValueError"]
    assert collector.outputs[0]["traceback"]


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"junk"],
        [b"<IDS|MSG>", b"", b"{}"],
        [b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"],
        [b"<IDS|MSG>", b"", b'{"msg_type": 1}', b"{}", b"{}", b"{}"],
        [b"<IDS|MSG>", b"", b'{"msg_type": "x"}', b'{"msg_id": []}', b"{}", b"{}"],
        [b"<IDS|MSG>", b"", b"[" * 100_000, b"{}", b"{}", b"{}"],
        [b"<IDS|MSG>", b"", b"1" * 100_000, b"{}", b"{}", b"{}"],
        [
            b"<IDS|MSG>",
            b"",
            b'{"msg_type": "x"}',
            b'{"msg_id": "", "more": [0' + b",0" * 100_000 + b"]}",
            b"{}",
            b"{}",
        ],
    ],
    ids=str,
)
def test_frames_that_are_no_message_are_known_as_such(frames: list[bytes]) -> None:
    with pytest.raises(BrokenMessageError):
        read_message("iopub", frames)
