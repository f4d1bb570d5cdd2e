"""Checking a draft: what is wrong with it, what it changes, and nbgrader's release of it where nothing is wrong."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import override

from labs.blobs import read_files, store_blob, store_files
from labs.box import BoxEnvironment, find_bubblewrap
from labs.exceptions import BoxUnavailableError, InvalidNotebookError, StaleStateError
from labs.models import LabDraft
from labs.nbgrader import (
    ReleasedLab,
    SourceProblem,
    check_source,
    compare_sources,
    excuse_missing_gpu,
    is_unchanged,
    make_release,
    name_cell,
    rehearse,
)
from labs.nbgrader.results import RUNS_AT_MOST, is_notebook_path
from labs.states import DraftStatus
from labs.transitions import move_draft
from labs.work.drafting import LOST_AFTER, MAX_TRIES, fail_when_tried_enough
from labs.work.grading import SECONDS_BESIDES, limits_of
from labs.work.grading_queue import Lane, find_waiting_runs
from labs.work.heartbeats import heartbeat

logger = logging.getLogger(__name__)

MAX_PROBLEMS: Final = 100
MAX_MESSAGE: Final = 500
TOO_EASY: Final = frozenset({"blank_gets_points", "takes_any_answer"})


@dataclass(frozen=True)
class DraftFindings:
    """What a check gives, as a draft's fields keep it."""

    problems: list[dict[str, Any]]
    comparison: str
    learner_files: Mapping[str, str] = field(default_factory=dict)
    gradebook: str = ""
    grade_cells: list[dict[str, Any]] = field(default_factory=list)


def check_draft(draft_id: int) -> None:
    """Claim a draft and check it. Without a box nothing is claimed, or what was is put back.

    A worker that dies over it leaves a lease that runs out; after MAX_TRIES the draft has failed.
    """
    draft = LabDraft.objects.select_related("lab", "base", "author").get(pk=draft_id)
    if draft.status != DraftStatus.CHECKING:
        return
    try:
        find_bubblewrap()
    except BoxUnavailableError as error:
        logger.error("draft %s waits: %s", draft.public_id, error)  # noqa: TRY400 - the sentence says it all
        note_waiting(draft)
        return
    if gives_way(draft) or not claim(draft):
        return
    try:
        with heartbeat(lambda: renew(draft), name=f"draft-{draft.pk}"):
            findings = find_findings(draft)
        record(draft, findings)
    except StaleStateError:
        logger.warning("draft %s was given up before its check ended", draft.public_id)
    except BoxUnavailableError:
        logger.exception("draft %s goes back to the queue", draft.public_id)
        note_waiting(draft)
    except Exception:
        logger.exception("draft %s was not checked", draft.public_id)
        if not fail_when_tried_enough(draft, reason="draft_not_checked"):
            LabDraft.objects.filter(pk=draft.pk).update(claimed_at=None)  # the sweep sends it again


def gives_way(draft: LabDraft) -> bool:
    """While learners wait one draft is checked at a time, which takes minutes; the sweep sends the others again."""
    at_work = LabDraft.objects.filter(
        status=DraftStatus.CHECKING, claimed_at__gte=timezone.now() - LOST_AFTER
    ).exclude(pk=draft.pk)
    return at_work.exists() and find_waiting_runs().filter(lane=Lane.LEARNERS).exists()


def record(draft: LabDraft, findings: DraftFindings | None) -> None:
    """None: the draft differs from the release in nothing that anybody would call a change."""
    if findings is None:
        move_draft(draft, DraftStatus.FAILED, reason="draft_unchanged", claimed_at=None)
        return
    move_draft(
        draft,
        DraftStatus.CHECKED,
        reason="draft_sound" if findings.gradebook else "draft_problems",
        checked_at=timezone.now(),
        claimed_at=None,
        **vars(findings),
    )


def claim(draft: LabDraft) -> bool:
    """A lease, renewed while the check runs: one worker at a time, MAX_TRIES in all."""
    now = timezone.now()
    is_free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - LOST_AFTER)
    waiting = LabDraft.objects.filter(is_free, pk=draft.pk, status=DraftStatus.CHECKING, tries__lt=MAX_TRIES)
    won = waiting.update(claimed_at=now, tries=F("tries") + 1, reason="draft_collected")
    draft.refresh_from_db(fields=["claimed_at", "tries", "reason"])
    return bool(won)


def renew(draft: LabDraft) -> None:
    running = LabDraft.objects.filter(pk=draft.pk, status=DraftStatus.CHECKING)
    running.update(claimed_at=timezone.now())


def note_waiting(draft: LabDraft) -> None:
    """This machine can box nothing: the draft waits for one that can, and no try is used up."""
    waiting = LabDraft.objects.filter(pk=draft.pk, status=DraftStatus.CHECKING)
    waiting.update(reason="box_unavailable", claimed_at=None, tries=0)


def longest_seconds(draft_id: int) -> int:
    """What a check can take at most: the autotests and the rehearsal of each notebook, and the rest."""
    draft = LabDraft.objects.select_related("base").get(pk=draft_id)
    runs = (1 + RUNS_AT_MOST) * sum(is_notebook_path(path) for path in draft.files)
    return int(runs * limits_of(draft.base).total_seconds) + SECONDS_BESIDES


def find_findings(draft: LabDraft) -> DraftFindings | None:
    """Everything that is said of a draft, in its author's language; runs the author's code in the box.

    None where the draft changes nothing: JupyterLab and nbgrader write a notebook anew by themselves.
    """
    source = read_files(draft.files)
    comparison = compare_sources(read_files(draft.base.source_files), source)
    if is_unchanged(comparison):
        return None
    with override(draft.author.language if draft.author else settings.LANGUAGE_CODE):
        problems, released = try_out(source, draft)
    # Errors first: a flood of hints must not cut off why it cannot be released.
    kept = sorted(problems, key=lambda problem: problem.is_hint)[:MAX_PROBLEMS]
    findings = DraftFindings(
        problems=[describe(problem, source) for problem in kept],
        comparison=store_blob(json.dumps(comparison).encode()),
    )
    if released is None or not all(problem.is_hint for problem in problems):
        return findings
    return replace(
        findings,
        learner_files=store_files(released.learner_files),
        gradebook=store_blob(released.gradebook),
        grade_cells=[asdict(cell) for cell in released.grade_cells],
    )


def try_out(source: Mapping[str, bytes], draft: LabDraft) -> tuple[list[SourceProblem], ReleasedLab | None]:
    """What is wrong, and nbgrader's release where that could be made; each step only after a sound one.

    A cell that gives points too easily is a hint here: the author may mean it, and sees it before the release. So is
    what a lab that needs a GPU does without one.
    """
    environment = BoxEnvironment(python=settings.LAB_PYTHON)
    problems = check_source(source, environment=environment)
    if not all(problem.is_hint for problem in problems):
        return problems, None
    try:
        released = make_release(source, name=draft.lab.slug, environment=environment)
    except InvalidNotebookError as error:
        return [*problems, read_refusal(error, source)], None
    found = rehearse(released, limits=limits_of(draft.base), environment=environment)
    softened = [replace(problem, is_hint=problem.code in TOO_EASY) for problem in found]
    if draft.base.needs.get("gpus", 0) > 0:
        softened = excuse_missing_gpu(softened)
    return [*problems, *softened], released


def read_refusal(error: InvalidNotebookError, source: Mapping[str, bytes]) -> SourceProblem:
    """What nbgrader's own steps refuse; their message begins with the notebook at fault."""
    notebook, _colon, message = str(error).partition(": ")
    if notebook not in source:
        notebook, message = "", str(error)
    return SourceProblem(notebook, None, None, error.reason, message)


def describe(problem: SourceProblem, source: Mapping[str, bytes]) -> dict[str, Any]:
    """A problem as it is kept, with the name of its cell. The text may be an author's code's, so it is cut."""
    content = source.get(problem.notebook, b"")
    return {
        **asdict(problem),
        "cell_name": "" if problem.cell is None else name_cell(content, problem.cell),
        "message": problem.message[:MAX_MESSAGE],
    }
