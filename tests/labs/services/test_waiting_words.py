"""Waits, places and sizes as every page says them."""

from decimal import Decimal

import pytest
from django.utils import timezone

from labs.models import LabSession
from labs.services.queue_places import SlurmPlace
from labs.services.waiting_words import (
    say_gpus,
    say_place,
    say_price,
    say_size,
    say_start,
    say_wait,
    say_wait_length,
)
from tests.factories import labs as make


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "not known yet"),
        (0, "now"),
        (59, "now"),
        (61, "about 1 min"),
        (350, "about 6 min"),
        (7500, "about 2 h 5 min"),
        (45000, "about 12 h"),
        (200000, "about 2 days"),
    ],
)
def test_a_wait_is_said_as_people_say_it(seconds: int | None, words: str) -> None:
    assert say_wait(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "not known yet"), (59, "less than a minute"), (350, "about 6 min")]
)
def test_the_length_of_a_wait_is_never_now(seconds: int | None, words: str) -> None:
    assert say_wait_length(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "when it starts is not known yet"), (0, "starts now"), (350, "starts in about 6 min")],
)
def test_a_start_is_said_by_its_wait(seconds: int | None, words: str) -> None:
    assert say_start(seconds) == words


@pytest.mark.parametrize(
    ("fields", "words", "short"),
    [
        ({}, "1 GPU (MI250X), 64 GB of GPU memory, 7 cores, 60 GB of memory", "1 GPU"),
        (
            {"gpus": 8, "gpu_name": "", "gpu_memory_gb": None, "cores": 1},
            "8 GPUs, 1 core, 60 GB of memory",
            "8 GPUs",
        ),
        ({"gpus": 0}, "no GPU, 7 cores, 60 GB of memory", "no GPU"),
        (
            {"is_slice": True, "gpu_memory_gb": 12},
            "a part of a GPU (MI250X), 12 GB of GPU memory, 7 cores, 60 GB of memory",
            "a part of a GPU",
        ),
    ],
)
def test_a_size_is_said_in_full_and_in_short(fields: dict[str, object], words: str, short: str) -> None:
    flavour = make.FlavourFactory.build(partition=None, **fields)

    assert say_size(flavour) == words
    assert say_gpus(flavour) == short


@pytest.mark.parametrize(
    ("weight", "words"), [("0.5", "course 0.5 GPU-hours."), ("1.000", "course 1 GPU-hour."), ("0", "")]
)
def test_a_price_is_said_where_there_is_one(weight: str, words: str) -> None:
    price = say_price(make.FlavourFactory.build(partition=None, weight=Decimal(weight)))

    assert words in price
    assert bool(price) == bool(words)


@pytest.mark.parametrize(
    ("place", "fields", "words"),
    [
        (4, None, "4th in the queue of small-g"),
        (1, {}, "1st in the queue of small-g"),
        (None, {}, "In the queue of small-g"),
        (None, {"started_at": timezone.now()}, "Your turn at small-g has come"),
        (None, {"state": "SUSPENDED", "started_at": timezone.now()}, "Paused by the factory"),
    ],
)
def test_a_place_is_said_with_its_queue(
    place: int | None, fields: dict[str, object] | None, words: str
) -> None:
    flavour = make.FlavourFactory.build(partition=make.PartitionFactory.build(hub=None, name="small-g"))
    job = None if fields is None else make.SlurmJobFactory.build(hub=None, **fields)

    assert say_place(SlurmPlace(LabSession(), flavour, job, place, timezone.now())) == words
