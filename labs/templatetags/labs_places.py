"""Places on the pages of labs: partitions, sizes, waits and why something cannot be chosen."""

from typing import Final

from django import template

from labs.reasons import sentence_for
from labs.services.queue_places import SlurmPlace
from labs.services.waiting_words import (
    name_partition,
    say_gpus,
    say_place,
    say_price,
    say_short_place,
    say_size,
    say_start,
    say_wait_length,
)
from labs.work.choices import Choice

register = template.Library()
register.filter("partition_name", name_partition)
register.filter("gpus", say_gpus)
register.filter("price", say_price)
register.filter("short_place", say_short_place)
register.filter("size", say_size)
register.filter("wait_length", say_wait_length)

OWN_ACCOUNT: Final = frozenset({"own_account_missing", "own_account_not_verified", "own_account_expired"})


@register.filter
def start_words(choice: Choice) -> str:
    """`starts now`, `starts in about 6 min`."""
    return say_start(choice.expected_wait_seconds)


@register.filter
def refusal(choice: Choice) -> str:
    """The sentence that says why a place cannot be chosen; nothing where it can."""
    return sentence_for(choice.blocked_reason) if choice.blocked_reason else ""


@register.filter
def needs_account(choice: Choice) -> bool:
    """Whether the page of the learner's own account at the factory says what to do."""
    return choice.blocked_reason in OWN_ACCOUNT


@register.filter
def place_words(place: SlurmPlace) -> str:
    """`4th in the queue of small-g`."""
    return say_place(place)
