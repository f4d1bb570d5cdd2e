"""Releases as the pipeline takes them, read from the storage once and kept in the worker. Not to be changed."""

import hashlib
import json
from typing import Final

from labs.blobs import read_blob
from labs.keeping import BoundedCache
from labs.models import LabRelease, Submission
from labs.nbgrader import CellKind, GradeCellSpec, ReleasedLab

MAX_LABS: Final = 32
MAX_BYTES: Final = 128 * 1024 * 1024  # of notebooks and data files; a larger lab is read for each run

_labs: Final = BoundedCache[ReleasedLab](max_items=MAX_LABS, max_weight=MAX_BYTES)


def released_lab(release: LabRelease) -> ReleasedLab:
    """What the release's digests name: for the same content the same object, as long as it is kept."""
    content = [
        release.lab.slug,
        release.source_files,
        release.learner_files,
        release.gradebook,
        release.grade_cells,
    ]
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return _labs.find_or_make(key, lambda: _read_lab(release), _weigh)


def submitted_files(submission: Submission, release: LabRelease, lab: ReleasedLab) -> dict[str, bytes]:
    """What was handed in; what is the release's own, such as data, is taken from `lab` and not read again."""
    known = {digest: lab.learner_files[path] for path, digest in release.learner_files.items()}
    return {
        path: known[digest] if digest in known else read_blob(digest)
        for path, digest in submission.files.items()
    }


def _read_lab(release: LabRelease) -> ReleasedLab:
    digests = {*release.source_files.values(), *release.learner_files.values()}
    contents = {digest: read_blob(digest) for digest in digests}  # most files are an author's and a learner's
    return ReleasedLab(
        name=release.lab.slug,
        source={path: contents[digest] for path, digest in release.source_files.items()},
        learner_files={path: contents[digest] for path, digest in release.learner_files.items()},
        gradebook=read_blob(release.gradebook),
        grade_cells=tuple(
            GradeCellSpec(**{**cell, "kind": CellKind(cell["kind"])}) for cell in release.grade_cells
        ),
    )


def _weigh(lab: ReleasedLab) -> int:
    shared = {
        id(content): len(content) for files in (lab.source, lab.learner_files) for content in files.values()
    }
    return len(lab.gradebook) + sum(shared.values())
