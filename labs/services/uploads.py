"""Handing in a notebook file from a person's own computer, with or without a session."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import UUID

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from courses.models import Enrolment, User
from labs import tasks
from labs.blobs import hash_files, store_files
from labs.exceptions import InvalidNotebookError, RefusedError
from labs.models import LabRelease, LabUnit, Submission
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.services.sessions import send_on_commit
from labs.services.submissions import check_attempt, find_presses, write_press
from labs.states import SubmissionStatus
from labs.work.collecting import Work, keep
from labs.work.notebook_names import name_notebooks

MAX_UPLOAD_BYTES: Final = 40 * 1024 * 1024
"""Of all files of an upload together."""

BODY_BYTES: Final = 64 * 1024 * 1024
"""Of a request that brings an upload. What is too large for that and fits in here is said at the form."""

REFUSALS: Final = frozenset(
    {
        "upload_empty",
        "upload_too_many",
        "upload_too_large",
        "upload_not_a_notebook",
        "notebook_not_known",
        "notebook_twice",
        "being_collected",
        "cohort_not_begun",
        "no_attempts_left",
        "too_soon",
    }
)
"""Why a file may not be taken."""


def submit_upload(
    enrolment: Enrolment,
    lab_unit: LabUnit,
    files: Sequence[File[Any]],
    *,
    press_key: UUID,
    actor: User,
) -> Submission:
    """Hand in notebooks that a person brings, in place of what Paja has of them; an attempt as any other.

    They are stored under the names of the release; its data files come from the release itself. One press is one
    submission however often it arrives. RefusedError: those of `read_uploads` and `check_attempt`,
    `cohort_not_begun`, and `being_collected` while another attempt is on its way.
    """
    presses = find_presses(enrolment, lab_unit)
    if found := presses.filter(press_key=press_key).first():
        return found
    if timezone.now() < enrolment.cohort.starts_at:
        raise RefusedError(reason="cohort_not_begun")
    check_attempt(enrolment, lab_unit)
    digests = store_files(read_uploads(lab_unit.release, files))
    work = Work(digests, hash_files(digests), None, Submission.Source.UPLOAD)
    try:
        with transaction.atomic():
            submission = write_press(enrolment, lab_unit, Submission.Purpose.ATTEMPT, press_key, actor)
            if keep(submission, work) is not None:
                send_on_commit(tasks.send_grading)
    except IntegrityError as error:
        if found := presses.filter(press_key=press_key).first():
            return found
        if presses.filter(purpose=Submission.Purpose.ATTEMPT, status=SubmissionStatus.COLLECTING).exists():
            raise RefusedError(reason="being_collected") from error
        raise
    return submission


def read_uploads(release: LabRelease, files: Sequence[File[Any]]) -> dict[str, bytes]:
    """The notebooks under the names that the release has for them.

    Number and sizes are looked at before anything is read. RefusedError: `upload_empty`, `upload_too_many`,
    `upload_too_large`, `upload_not_a_notebook`, `notebook_not_known`, `notebook_twice`.
    """
    sizes = [file.size or 0 for file in files]
    if not files or 0 in sizes:
        raise RefusedError(reason="upload_empty")
    if len(files) > len(release.notebooks):
        raise RefusedError(reason="upload_too_many")
    if max(sizes) > MAX_NOTEBOOK_BYTES or sum(sizes) > MAX_UPLOAD_BYTES:
        raise RefusedError(reason="upload_too_large")
    names = [PurePosixPath((file.name or "").replace("\\", "/")).name for file in files]
    if len(set(names)) < len(names):
        raise RefusedError(reason="notebook_twice")
    try:
        return name_notebooks(release, {name: file.read() for name, file in zip(names, files, strict=True)})
    except InvalidNotebookError as error:
        is_large = error.reason == "notebook_too_large"
        reason = "upload_too_large" if is_large else "upload_not_a_notebook"
        raise RefusedError(str(error), reason=reason) from error
