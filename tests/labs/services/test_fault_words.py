"""Sentences for damaged and faulty notebooks."""

import pytest

from labs.nbgrader import DamageKind
from labs.services.fault_words import DAMAGE_SENTENCES, UNKNOWN_DAMAGE, damage_sentence


@pytest.mark.parametrize("kind", DamageKind)
def test_every_kind_of_damage_has_a_sentence_of_its_own(kind: DamageKind) -> None:
    assert damage_sentence(kind) == str(DAMAGE_SENTENCES[kind])
    assert list(DAMAGE_SENTENCES.values()).count(DAMAGE_SENTENCES[kind]) == 1


def test_damage_that_nobody_thought_of_is_never_silence() -> None:
    assert damage_sentence("turned to stone") == str(UNKNOWN_DAMAGE)
