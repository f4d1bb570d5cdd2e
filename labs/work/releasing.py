"""Making lab releases of what was checked, course releases that differ in one lab, and letting a cohort have them."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from courses.models import Cohort, Course, CourseRelease, User
from courses.services.releasing import copy_release, move_cohort
from labs.blobs import hash_files
from labs.exceptions import RefusedError, StaleStateError
from labs.models import Lab, LabDraft, LabRelease, LabUnit
from labs.states import DraftStatus
from labs.transitions import move_draft
from labs.work.drafting import fail_when_tried_enough

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedLab:
    """A checked lab and nbgrader's release of it, whose files are stored; tables are those of lab.toml."""

    source_files: Mapping[str, str]
    learner_files: Mapping[str, str]
    gradebook: str
    grade_cells: Sequence[Mapping[str, Any]]
    needs: Mapping[str, Any]
    limits: Mapping[str, Any]
    session: Mapping[str, Any]
    grading: Mapping[str, Any]

    @property
    def content_hash(self) -> str:
        """Of what an author wrote; the rest is made of it."""
        tables = [dict(table) for table in (self.needs, self.limits, self.session)]
        tables += [dict(self.grading)] if self.grading else []  # releases without one keep the hash they had
        about = json.dumps([hash_files(self.source_files), *tables], sort_keys=True)
        return hashlib.sha256(about.encode()).hexdigest()


def find_or_create_release(lab: Lab, prepared: PreparedLab) -> LabRelease:
    """The lab's release of this content, made now or before; inside a transaction that locks the lab's course."""
    known = lab.releases.filter(content_hash=prepared.content_hash).first()
    if known is not None:
        return known
    return LabRelease.objects.create(
        lab=lab,
        number=(lab.releases.aggregate(last=Max("number"))["last"] or 0) + 1,
        content_hash=prepared.content_hash,
        source_files=dict(prepared.source_files),
        learner_files=dict(prepared.learner_files),
        gradebook=prepared.gradebook,
        grade_cells=[dict(cell) for cell in prepared.grade_cells],
        needs=dict(prepared.needs),
        limits=dict(prepared.limits),
        session=dict(prepared.session),
        grading=dict(prepared.grading),
    )


@transaction.atomic
def exchange_lab(base: CourseRelease, release: LabRelease, *, actor: User | None) -> CourseRelease:
    """The course release that equals `base` but shows this release of one of its labs; made now or before.

    What began with one package and shows the same releases of its labs is the same content, on whatever way it
    came about; going all the way back is the package's own release.
    """
    origin = base.origin or base
    wanted = _list_labs(base) | {release.lab.slug: release.content_hash}
    if wanted == _list_labs(origin):
        return origin
    about = json.dumps([origin.content_hash, sorted(wanted.items())])
    return copy_release(
        base,
        actor=actor,
        units={release.lab.slug: release},
        content_hash=hashlib.sha256(about.encode()).hexdigest(),
    )


def _list_labs(release: CourseRelease) -> dict[str, str]:
    labs = LabUnit.objects.filter(unit__release=release)
    return dict(labs.values_list("unit__slug", "release__content_hash"))


def release_draft(draft_id: int) -> None:
    """Make the draft the release that its cohort has, all of it or nothing; a fault of ours is tried again."""
    draft = LabDraft.objects.select_related("base", "lab__course").get(pk=draft_id)
    if draft.status != DraftStatus.RELEASING:
        return
    LabDraft.objects.filter(pk=draft.pk).update(tries=F("tries") + 1)
    draft.refresh_from_db(fields=["tries"])
    try:
        give_or_fail(draft)
    except StaleStateError:
        logger.info("another worker had draft %s", draft.public_id)
    except Exception:
        logger.exception("draft %s was not released", draft.public_id)
        fail_when_tried_enough(draft, reason="draft_not_released")  # else the sweep sends it again


def give_or_fail(draft: LabDraft) -> None:
    """StaleStateError where another worker was first."""
    try:
        give_to_cohort(draft)
    except RefusedError as refusal:
        move_draft(draft, DraftStatus.FAILED, reason=refusal.reason)


@transaction.atomic
def give_to_cohort(draft: LabDraft) -> None:
    """RefusedError (`cohort_moved`) where the cohort no longer has the release that the draft was compared with."""
    Course.objects.select_for_update().get(pk=draft.lab.course_id)  # releases have numbers, one each
    draft.refresh_from_db(fields=["status"])
    if draft.status != DraftStatus.RELEASING:
        raise StaleStateError(f"draft {draft.pk} is {draft.status}")
    cohort = Cohort.objects.select_related("release__course", "release__origin").get(pk=draft.cohort_id)
    before = cohort.release
    if not LabUnit.objects.filter(unit__release=before, release=draft.base).exists():
        raise RefusedError(reason="cohort_moved")
    pressed = draft.events.filter(after=DraftStatus.RELEASING).last()
    actor = pressed.actor if pressed else None
    release = find_or_create_release(draft.lab, prepare_draft(draft))
    after = exchange_lab(before, release, actor=actor)
    move_cohort(cohort, after, expected=before, actor=actor, reason="draft_released")
    move_draft(
        draft,
        DraftStatus.RELEASED,
        actor=actor,
        reason="draft_released",
        released=release,
        course_release=after,
        released_at=timezone.now(),
    )


def prepare_draft(draft: LabDraft) -> PreparedLab:
    """What was checked, exactly; lab.toml's tables are those of the release that it changes."""
    return PreparedLab(
        source_files=draft.files,
        learner_files=draft.learner_files,
        gradebook=draft.gradebook,
        grade_cells=draft.grade_cells,
        needs=draft.base.needs,
        limits=draft.base.limits,
        session=draft.base.session,
        grading=draft.base.grading,
    )
