"""Every reason that the code can write has a sentence, and every sentence a reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

import labs
from labs.reasons import SENTENCES, sentence_for
from labs.work.checking_accounts import FAULTS
from labs.work.collecting import LEARNERS_FAULTS
from labs.work.drafting import AUTHORS_FAULTS
from labs.work.job_endings import JOB_ENDINGS, name_refusal
from labs.work.job_endings import REFUSALS as JOB_REFUSALS
from labs.work.new_files import Decision
from labs.work.refused_places import REFUSALS
from labs.work.steps import ENDINGS
from labs.work.visiting import SILENT
from labs.work.workspaces import UNSAVED

LABS = Path(labs.__file__).parent
# What box, nbgrader and the clients call a fault stays inside: the code around them gives it a reason of ours.
WRAPPERS = {"box", "nbgrader", "jupyterhub"}


def modules() -> Iterator[ast.Module]:
    for path in LABS.rglob("*.py"):
        if path.relative_to(LABS).parts[0] not in WRAPPERS and path.name != "reasons.py":
            yield ast.parse(path.read_text(encoding="utf-8"))


def texts(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return texts(node.body) | texts(node.orelse)
    if isinstance(node, ast.BoolOp):
        return set().union(*map(texts, node.values))
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def written_reasons() -> set[str]:
    """Literal reasons: `reason="…"` in a call, a signature, an assignment or a class, and `sentence_for("…")`."""
    found = set(LEARNERS_FAULTS.values()) | set(AUTHORS_FAULTS.values()) | set(FAULTS.values()) | {SILENT}
    found |= {reason for _to, reason in ENDINGS.values()}
    found |= set(UNSAVED.values()) | set(Decision) | REFUSALS
    found |= set(JOB_ENDINGS.values()) | {name_refusal(slug) for slug in [*JOB_REFUSALS, "any other"]}
    for module in modules():
        for node in ast.walk(module):
            match node:
                case ast.keyword(arg="reason", value=value):
                    found |= texts(value)
                case ast.Assign(targets=[ast.Name(id="reason")], value=value):
                    found |= texts(value)
                case ast.Call(func=ast.Name(id="sentence_for"), args=[value]):
                    found |= texts(value)
                case ast.arguments(kwonlyargs=names, kw_defaults=values):
                    defaults = zip(names, values, strict=True)
                    given = [default for name, default in defaults if name.arg == "reason"]
                    found |= set().union(*(texts(default) for default in given if default is not None))
    return found - {""}


# Faults that end where they are met: in a log, or as a reason of ours.
UNSAID = {
    "answer_too_slow",
    "illegal_move",
    "invalid_notebook",
    "page_too_large",
    "server_answer",
    "server_unreachable",
    "stale_state",
}


def test_every_reason_has_a_sentence() -> None:
    assert written_reasons() - UNSAID <= set(SENTENCES)


def test_every_sentence_has_a_reason() -> None:
    assert set(SENTENCES) <= written_reasons()


def test_a_reason_that_nobody_thought_of_is_never_silence() -> None:
    assert sentence_for("no such reason") == SENTENCES["unexpected"]


def test_a_detail_after_a_dot_changes_no_sentence() -> None:
    assert sentence_for("new_files_placed.3") == SENTENCES["new_files_placed"]
