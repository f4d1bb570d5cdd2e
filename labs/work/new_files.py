"""The files of a lab's newer release: which a learner was not given yet, and putting them beside theirs.

What a learner decided stands as an event of their session (`new_files_placed.3`): the number is the release's.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from django.db.models import Q, QuerySet

from courses.models import Cohort, User
from labs.blobs import hash_content, read_blob
from labs.exceptions import LabError, ServerAnswerError
from labs.jupyterhub import ContentsClient
from labs.models import LabRelease, LabSession, LabSessionEvent, Snapshot, Workspace
from labs.states import SessionStatus
from labs.transitions import note_session
from labs.work.connections import WorkspaceConnector, connect_workspace, reachable_sessions
from labs.work.workspaces import save_if_changed

logger = logging.getLogger(__name__)


class Decision(StrEnum):
    WANTED = "new_files_wanted"
    PLACED = "new_files_placed"
    DISMISSED = "new_files_dismissed"


@dataclass(frozen=True)
class NewFiles:
    """Paths and digests of a release that differ from what the learner was given under these names.

    `is_wanted`: the learner asked for them, and they are not in place yet.
    """

    release: LabRelease
    new: Mapping[str, str]
    changed: Mapping[str, str]
    is_wanted: bool


def find_new_files(workspace: Workspace, release: LabRelease) -> NewFiles | None:
    """What a release has that the learner was neither given nor has decided about; None where there is nothing.

    A session gives the files of its release whose names are not there yet, so the first release that had a name
    gave it. A reset gives all files anew.
    """
    starts = LabSession.objects.filter(workspace=workspace, ready_at__isnull=False).order_by("ready_at")
    given_by = list(starts.values_list("release_id", "ready_at"))
    if {release_id for release_id, _at in given_by} <= {release.pk}:
        return None
    reset = workspace.snapshots.filter(cause=Snapshot.Cause.RESET).first()
    since = Q(created_at__gt=reset.created_at) if reset else Q()
    decisions = [read_decision(event) for event in list_decisions(workspace).filter(since)]
    decided = [number for decision, number in decisions if decision != Decision.WANTED]
    ids = dict.fromkeys(pk for pk, at in given_by if reset is None or (at and at >= reset.created_at))
    known = LabRelease.objects.filter(Q(pk__in=ids) | Q(lab=release.lab_id, number__in=decided))
    releases = {each.pk: each for each in known}
    given: dict[str, str] = dict(reset.files) if reset else {}
    for pk in ids:
        given = {**releases[pk].learner_files, **given}
    for each in sorted(releases.values(), key=lambda one: one.number):
        if each.number in decided:
            given.update(each.learner_files)
    new = {path: digest for path, digest in release.learner_files.items() if path not in given}
    changed = {
        path: digest for path, digest in release.learner_files.items() if given.get(path, digest) != digest
    }
    if not new and not changed:
        return None
    return NewFiles(release, new, changed, is_wanted=(Decision.WANTED, release.number) in decisions[-1:])


def find_wanted_files(workspace: Workspace) -> NewFiles | None:
    """What a learner asked for and does not have yet, where a cohort of theirs still has that release."""
    last = list_decisions(workspace).last()
    if last is None:
        return None
    decision, number = read_decision(last)
    if decision != Decision.WANTED:
        return None
    cohorts = Cohort.objects.filter(enrolments__learner=workspace.owner_id)
    releases = LabRelease.objects.filter(lab=workspace.lab_id, number=number)
    release = releases.filter(lab_units__unit__release__cohorts__in=cohorts).first()
    return find_new_files(workspace, release) if release else None


def list_decisions(workspace: Workspace) -> QuerySet[LabSessionEvent]:
    events = LabSessionEvent.objects.filter(session__workspace=workspace, reason__startswith="new_files_")
    return events.order_by("created_at", "pk")


def read_decision(event: LabSessionEvent) -> tuple[Decision, int]:
    slug, _dot, number = event.reason.partition(".")
    return Decision(slug), int(number)


def note_decision(
    session: LabSession, decision: Decision, release: LabRelease, *, actor: User | None = None
) -> None:
    note_session(session, reason=f"{decision}.{release.number}", actor=actor)


def place_new_files(contents: ContentsClient, folder: str, files: NewFiles) -> None:
    """Put files beside the learner's, never over one. What is there already from an earlier try is left."""
    for path, digest in files.new.items():
        content = read_blob(digest)
        if not create(contents, f"{folder}/{path}", content) and not has_content(
            contents, f"{folder}/{path}", content
        ):
            create(contents, f"{folder}/{name_beside(path, files.release)}", content)
    for path, digest in files.changed.items():
        create(contents, f"{folder}/{name_beside(path, files.release)}", read_blob(digest))


def name_beside(path: str, release: LabRelease) -> str:
    """`data/lab (release 3).ipynb`"""
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem} (release {release.number}){pure.suffix}"))


def create(contents: ContentsClient, path: str, content: bytes) -> bool:
    """Put a new file in place; False where something of the learner's stands in its place or in its way."""
    try:
        return contents.create_file(path, content)
    except ServerAnswerError:
        if not is_blocked(contents, path):
            raise
        return False


def is_blocked(contents: ContentsClient, path: str) -> bool:
    """Whether a file stands where one of the path's folders should be, or a folder in the path's own place."""
    *above, own = [
        str(folder) for folder in [*reversed(PurePosixPath(path).parents[:-1]), PurePosixPath(path)]
    ]
    folders = [contents.find_file(folder) for folder in above]
    found = contents.find_file(own) if all(model is None or model.is_folder for model in folders) else None
    return any(model is not None and not model.is_folder for model in folders) or (
        found is not None and found.is_folder
    )


def has_content(contents: ContentsClient, path: str, content: bytes) -> bool:
    try:
        return hash_content(contents.read_file(path, max_bytes=len(content))) == hash_content(content)
    except ServerAnswerError:
        return False


def put_new_files(session_id: int, *, connect: WorkspaceConnector = connect_workspace) -> None:
    """Put what a learner asked for into their running session. Where that fails, the next visit or start does it."""
    session = reachable_sessions().get(pk=session_id)
    if session.status != SessionStatus.READY or find_wanted_files(session.workspace) is None:
        return
    try:
        with connect(session) as contents:
            bring_new_files(session, contents)
            save_if_changed(session, contents)
    except LabError as error:
        logger.warning("session %s: new files wait: %s", session.server_name, error)


def bring_new_files(session: LabSession, contents: ContentsClient) -> None:
    """Put what is wanted, if anything is, into a session that runs, and note it."""
    files = add_new_files(session.workspace, contents)
    if files:
        note_decision(session, Decision.PLACED, files.release)


def add_new_files(workspace: Workspace, contents: ContentsClient) -> NewFiles | None:
    """Put what the learner asked for of a new release beside their files. A server's fault is for the next time."""
    files = find_wanted_files(workspace)
    try:
        if files:
            place_new_files(contents, workspace.folder, files)
    except ServerAnswerError as error:
        logger.warning("workspace %s: new files wait: %s", workspace.public_id, error)
        return None
    return files
