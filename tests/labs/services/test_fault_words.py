"""Sentences for damaged and faulty notebooks."""

import pytest

from labs.nbgrader import DamageKind
from labs.services.fault_words import DAMAGE_SENTENCES, UNKNOWN_DAMAGE, damage_sentence, sentence_of


@pytest.mark.parametrize("kind", DamageKind)
def test_every_kind_of_damage_has_a_sentence_of_its_own(kind: DamageKind) -> None:
    assert damage_sentence(kind) == str(DAMAGE_SENTENCES[kind])
    assert list(DAMAGE_SENTENCES.values()).count(DAMAGE_SENTENCES[kind]) == 1


def test_damage_that_nobody_thought_of_is_never_silence() -> None:
    assert damage_sentence("turned to stone") == str(UNKNOWN_DAMAGE)


def test_where_no_kernel_started_no_cell_is_said_to_have_kept_points() -> None:
    kept = "Cells that could run without it kept their points."
    assert kept in sentence_of("kernel_died", "kernel_died")
    assert kept not in sentence_of("kernel_died", "kernel_not_started")
    assert "no cell was run" in sentence_of("kernel_died", "kernel_not_started")
