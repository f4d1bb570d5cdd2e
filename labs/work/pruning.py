"""Which snapshots are kept how long, and which blobs nobody refers to any more.

Runs nightly in slices: each task works for some seconds and says where the next one goes on.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Final

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labs.blobs import PREFIXES, delete_blob, list_blobs
from labs.models import Snapshot, Workspace

SLICE_SECONDS: Final = 10.0
BLOBS_KEPT_FOR: Final = timedelta(days=7)

LENGTH: Final = 64  # of a digest

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
Clock = Callable[[], float]


@dataclass(frozen=True)
class Step:
    """Until a snapshot is so old, the last one of every period is kept; with no period, every one."""

    age: timedelta
    period: timedelta


RETENTION: Final = (
    Step(age=timedelta(hours=24), period=timedelta()),
    Step(age=timedelta(days=7), period=timedelta(hours=1)),
    Step(age=timedelta(days=180), period=timedelta(days=1)),
)
STEPS_OF_THE_LEARNER: Final = {Snapshot.Cause.RESTORE, Snapshot.Cause.RESET}


def choose_kept(snapshots: Sequence[Snapshot], now: datetime) -> set[int]:
    """Ids of those snapshots of one workspace that are kept; `snapshots` has the newest first.

    Beside what RETENTION says: the newest, each that stood before a restore or a reset, and within the longest
    age what was found on a disk, which no other snapshot may have.
    """
    kept = {snapshot.pk for snapshot in snapshots[:1]}
    kept |= {before.pk for step, before in pairwise(snapshots) if step.cause in STEPS_OF_THE_LEARNER}
    seen: set[tuple[timedelta, int]] = set()
    for snapshot in snapshots:
        age = now - snapshot.created_at
        step = next((step for step in RETENTION if age <= step.age), None)
        if step is None:
            continue
        if not step.period or snapshot.cause == Snapshot.Cause.FOUND:
            kept.add(snapshot.pk)
            continue
        place = step.period, int(snapshot.created_at.timestamp() // step.period.total_seconds())
        if place not in seen:
            seen.add(place)
            kept.add(snapshot.pk)
    return kept


def prune_snapshots(after: int = 0, *, now: datetime | None = None, clock: Clock = time.monotonic) -> int:
    """Thin out the snapshots of workspaces whose ids come after `after`; the id to go on after, or 0 at the end."""
    now = now or timezone.now()
    ends_at = clock() + SLICE_SECONDS
    for pk in Workspace.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True).iterator():
        prune_workspace(pk, now)
        if clock() > ends_at:
            return int(pk)
    return 0


def prune_workspace(workspace_id: int, now: datetime) -> None:
    """What is wanted, and what a restore took its files from, stays whatever its age."""
    snapshots = Snapshot.objects.filter(workspace=workspace_id)
    rows = list(snapshots.only("pk", "cause", "created_at", "workspace_id"))
    gone = {row.pk for row in rows} - choose_kept(rows, now)
    if not gone:
        return
    used = Snapshot.objects.filter(origin__in=gone).values_list("origin_id", flat=True)
    wanted = Workspace.objects.filter(wanted__in=gone).values_list("wanted_id", flat=True)
    snapshots.filter(pk__in=gone - set(used) - set(wanted)).delete()


def prune_blobs(after: str = "", *, now: datetime | None = None, clock: Clock = time.monotonic) -> str:
    """Delete old blobs that no row refers to; the prefix to go on after, or "" at the end.

    Safe beside whoever stores: storing content that is there makes its blob young (`labs/blobs.py`), rows are
    read after the blobs were listed, and the age is looked at once more right before a blob is deleted.
    """
    older_than = (now or timezone.now()) - BLOBS_KEPT_FOR
    ends_at = clock() + SLICE_SECONDS
    first_digits = sorted({prefix[0] for prefix in PREFIXES})
    for digit in first_digits:
        if digit <= after:
            continue
        listed = {digest for prefix in PREFIXES if prefix[0] == digit for digest in list_blobs(prefix)}
        for digest in listed - find_referenced(digit) if listed else ():
            delete_blob(digest, older_than=older_than)
        if clock() > ends_at and digit != first_digits[-1]:
            return digit
    return ""


def find_referenced(digit: str) -> set[str]:
    """Digests that begin with `digit`, from every text and every JSON of every row of labs.

    No field is named here, so none that a model gets later can be forgotten.
    """
    found: set[str] = set()
    for model in apps.get_app_config("labs").get_models():
        for values in list_values(model, digit):
            found.update(digest for digest in find_digests(values) if digest.startswith(digit))
    return found


def list_values(model: type[models.Model], digit: str) -> Iterator[tuple[object, ...]]:
    """Of each row that may name a digest which begins with `digit`, the values that may.

    A column as long as a digest holds nothing else beside it, so the database can look at its first character.
    """
    fields = model._meta.concrete_fields
    columns = [
        field.attname
        for field in fields
        if isinstance(field, models.CharField) and field.max_length == LENGTH
    ]
    texts = [field.attname for field in fields if isinstance(field, models.JSONField | models.TextField)]
    rows = model._default_manager.order_by()
    if not columns and not texts:
        return
    if not texts:
        rows = rows.filter(reduce(or_, (Q(**{f"{column}__startswith": digit}) for column in columns)))
    yield from rows.values_list(*columns, *texts).iterator(chunk_size=500)


def find_digests(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield from _DIGEST.findall(value)
        elif isinstance(value, dict):
            yield from find_digests(value.keys())
            yield from find_digests(value.values())
        elif isinstance(value, list | tuple):
            yield from find_digests(value)
