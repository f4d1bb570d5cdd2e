"""What the runner has under way, without processes: few at once, each begun once, none for nobody."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from labs.box.runner.executions import ABANDONED_AFTER, ChildDiedError, Executions


class FakeCarrier:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.orders: list[bytes] = []
        self.ends = 0
        self.is_prepared = False
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def prepare(self) -> None:
        self.is_prepared = True

    async def carry_out(self, body: bytes) -> bytes:
        self.orders.append(body)
        return await self.answer

    async def end(self) -> None:
        self.ends += 1


class World:
    """Executions of some boxes, and a clock that a test moves."""

    def __init__(self, boxes: int) -> None:
        self.now = 0.0
        self.carriers: list[FakeCarrier] = []
        self.executions = Executions(boxes, make_carrier=self._make, clock=lambda: self.now)

    def _make(self) -> FakeCarrier:
        self.carriers.append(FakeCarrier())
        return self.carriers[-1]

    async def begin(self, key: str) -> bool:
        is_begun = self.executions.begin(key, key.encode())
        await asyncio.sleep(0)
        return is_begun


def play(story: Callable[[World], Awaitable[None]], *, boxes: int = 1) -> None:
    async def act() -> None:
        world = World(boxes)
        await story(world)
        await world.executions.close()

    asyncio.run(act())


def test_an_order_is_carried_out_once_however_often_it_comes() -> None:
    async def story(world: World) -> None:
        assert await world.begin("a")
        assert await world.begin("a")
        assert await world.executions.find("a", seconds=0) is None
        world.carriers[0].answer.set_result(b"done")
        assert await world.executions.find("a", seconds=5) == b"done"
        assert await world.executions.find("a", seconds=5) == b"done"
        assert world.carriers[0].orders == [b"a"]
        assert world.carriers[0].ends == 0  # what it has loaded is kept for the next one

    play(story)


def test_no_more_are_taken_than_there_are_boxes() -> None:
    async def story(world: World) -> None:
        assert [await world.begin(key) for key in "abc"] == [True, True, False]
        await world.executions.end("a")
        assert await world.begin("c")

    play(story, boxes=2)


def test_every_box_has_ready_what_its_first_order_would_wait_for() -> None:
    async def story(world: World) -> None:
        await world.executions.prepare()
        assert [carrier.is_prepared for carrier in world.carriers] == [True, True]

    play(story, boxes=2)


def test_one_that_is_ended_takes_its_box_with_it_and_is_forgotten() -> None:
    async def story(world: World) -> None:
        await world.begin("a")
        await world.executions.end("a")
        await world.executions.end("a")
        assert world.carriers[0].ends == 1
        with pytest.raises(LookupError):
            await world.executions.find("a", seconds=0)

    play(story)


def test_one_that_is_ended_before_it_began_keeps_no_box() -> None:
    async def story(world: World) -> None:
        assert world.executions.begin("a", b"a")
        await world.executions.end("a")
        assert await world.begin("b")

    play(story)


def test_who_waits_for_one_that_is_ended_is_told() -> None:
    async def story(world: World) -> None:
        await world.begin("a")
        waiting = asyncio.create_task(world.executions.find("a", seconds=5))
        await asyncio.sleep(0)
        await world.executions.end("a")
        with pytest.raises(LookupError):
            await waiting

    play(story)


def test_a_process_that_dies_is_no_answer_of_a_box_and_another_one_takes_its_place() -> None:
    async def story(world: World) -> None:
        await world.begin("a")
        world.carriers[0].answer.set_exception(ChildDiedError("gone"))
        answer = await world.executions.find("a", seconds=5)
        assert answer is not None
        assert json.loads(answer) == {"status": "failed", "reason": "grader_lost"}
        assert world.carriers[0].ends == 1
        assert await world.begin("b")

    play(story)


def test_what_nobody_asks_for_is_ended_and_what_somebody_waits_for_is_not() -> None:
    async def story(world: World) -> None:
        await world.begin("a")
        await world.begin("b")
        waiting = asyncio.create_task(world.executions.find("b", seconds=60))
        await asyncio.sleep(0)
        world.now = ABANDONED_AFTER + 1
        await world.executions.end_abandoned()
        with pytest.raises(LookupError):
            await world.executions.find("a", seconds=0)
        assert await world.begin("c")
        assert not waiting.done()
        waiting.cancel()

    play(story, boxes=2)
