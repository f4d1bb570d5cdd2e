"""What can be wrong with a notebook that was handed in: a sentence each, with what became of it and what to do."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labs.nbgrader import DamageKind
from labs.states import GradingOutcome

_KEPT: Final = _("Cells that could run without it kept their points.")

_NOTHING_RUN: Final = "kernel_not_started"

# What became of a notebook, by the reason that the box or nbgrader's pipeline gave, else by its outcome.
FAULT_SENTENCES: Final[Mapping[str, str | Promise]] = {
    "missing_notebook": _(
        "The notebook was not among the files that you submitted. Give it back its first name, and submit again."
    ),
    "notebook_too_large": _(
        "The notebook is too large to be graded. Clear its outputs in JupyterLab, save it, and submit again."
    ),
    "damaged_cells": _(
        "Cells of the notebook that carry points are damaged. Take your answers over into a fresh copy, and "
        "submit again."
    ),
    _NOTHING_RUN: _(
        "With your files no kernel could be started, so no cell was run. They may be too large together: delete what "
        "the lab does not need, and submit again."
    ),
    "too_many_processes": _("A cell started more processes than the lab allows and was stopped."),
    "too_much_output": _("A cell printed more than the lab allows and was stopped."),
    GradingOutcome.TIMEOUT: _(
        "A cell ran longer than it may and was stopped. Look for a loop that does not end, or for work on more data "
        "than the lab gives."
    ),
    GradingOutcome.OUT_OF_MEMORY: _("A cell used more memory than the lab gives and was stopped."),
    GradingOutcome.KERNEL_DIED: _(
        "The kernel ended while a cell ran. Restart the kernel in JupyterLab, run all cells from the top, and see "
        "where it ends."
    ),
    GradingOutcome.INVALID_NOTEBOOK: _(
        "The file is not a notebook that can be graded. Open it in JupyterLab, repair it or start from a fresh "
        "copy, and submit again."
    ),
    GradingOutcome.TAMPERED: _(
        "Some tests did not behave as tests do. A person looks at these cells before they get points."
    ),
}
# What was wrong with a notebook, what became of it, and what is to do.
DAMAGE_SENTENCES: Final[Mapping[str, str | Promise]] = {
    DamageKind.CELL_DELETED: _(
        "Cells of the lab were missing. They were put back as the lab has them: there is nothing to do."
    ),
    DamageKind.CELL_LOST: _(
        "Cells for answers were missing, and what was written in them with them. Take them from a fresh copy of the "
        "notebook, answer again, and submit again."
    ),
    DamageKind.CELL_DUPLICATED: _(
        "Cells of the lab stood there more than once. One of each was graded, and its copies were taken for ordinary "
        "cells. Delete the copies before you submit again."
    ),
    DamageKind.CELL_RETYPED: _(
        "Cells had become of another type, such as text in place of code. They were turned back: there is nothing to "
        "do."
    ),
    DamageKind.CELL_MOVED: _(
        "Cells of the lab stood in another order. They were put back in the lab’s own order: look whether your "
        "answers still fit together."
    ),
    DamageKind.CELL_CHANGED: _(
        "Cells that only the lab’s author writes, such as tests, had been changed. They were put back as the lab has "
        "them, so what was changed there does not count."
    ),
    DamageKind.METADATA_CHANGED: _(
        "What the lab notes in its cells, such as their points, had been changed. It was put right: there is nothing "
        "to do."
    ),
    DamageKind.UNKNOWN_CELL: _(
        "Cells bore the mark of a graded cell, and the lab has none of that name. They were taken for ordinary cells: "
        "there is nothing to do."
    ),
    DamageKind.NOTEBOOK_RENAMED: _(
        "The file had another name than the lab’s notebook. It was graded all the same: give it back its first name "
        "before you submit again."
    ),
    DamageKind.NOTEBOOK_CUT: _(
        "The file was not whole. What could be read of it was graded: open it in JupyterLab, look what is missing, "
        "and submit again."
    ),
    DamageKind.NOTEBOOK_GARBLED: _(
        "The file held bytes that belong to no notebook. What could be read of it was graded: open it in JupyterLab, "
        "look whether your work is all there, and submit again."
    ),
    DamageKind.OLD_SCHEMA: _(
        "The notebook was written for an older version of nbgrader. It was brought up to date: there is nothing to do."
    ),
    DamageKind.HUGE_OUTPUT: _(
        "Outputs stored in the notebook were too large and were left out. The cells were run anew: there is nothing "
        "to do."
    ),
}
UNKNOWN_DAMAGE: Final = _(
    "Something in the notebook was not as the lab has it, and was put right as far as that is possible. Compare it "
    "with a fresh copy before you submit again."
)
_RUNNING_FAULTS: Final = {GradingOutcome.TIMEOUT, GradingOutcome.OUT_OF_MEMORY, GradingOutcome.KERNEL_DIED}


def sentence_of(outcome: str, reason: str) -> str:
    """What became of a notebook and what to do; empty for one that was simply scored."""
    if outcome not in FAULT_SENTENCES:
        return ""
    sentence = str(FAULT_SENTENCES.get(reason) or FAULT_SENTENCES[outcome])
    return f"{sentence} {_KEPT}" if outcome in _RUNNING_FAULTS and reason != _NOTHING_RUN else sentence


def damage_sentence(kind: str) -> str:
    return str(DAMAGE_SENTENCES.get(kind, UNKNOWN_DAMAGE))
