"""Making lab releases of what was checked, and course releases that differ in one lab."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from courses.models import CourseRelease, User
from courses.services.releasing import copy_release
from labs.blobs import hash_files
from labs.models import Lab, LabRelease, LabUnit


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

    @property
    def content_hash(self) -> str:
        """Of what an author wrote; the rest is made of it."""
        tables = [dict(table) for table in (self.needs, self.limits, self.session)]
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
