"""Bringing a lab's source back: stored first, never doubled, never silently older than what was pressed for."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.blobs import hash_files, read_files, store_files
from labs.exceptions import ServerAnswerError
from labs.models import Hub, LabDraft, LabRelease, LabSession, Snapshot, Workspace
from labs.states import DraftStatus, SessionStatus
from labs.work.drafting import GIVE_UP_AFTER, MAX_TRIES, collect_draft, reconcile_drafts
from labs.work.workspaces import MAX_FILES
from tests.factories import labs as make
from tests.fakes.connections import answering, unreachable
from tests.fakes.hub import FakeContents, SilentContents

pytestmark = pytest.mark.django_db

SOURCE = {"lab.ipynb": b"source with a solution"}


@pytest.fixture
def base() -> LabRelease:
    return make.LabReleaseFactory.create(source_files=store_files(SOURCE))


@pytest.fixture
def session(base: LabRelease) -> LabSession:
    """An author's."""
    workspace = make.WorkspaceFactory.create(lab=base.lab, purpose=Workspace.Purpose.AUTHOR)
    return make.LabSessionFactory.create(
        release=base,
        enrolment=None,
        learner=workspace.owner,
        workspace=workspace,
        hub=make.HubFactory.create(),
        status=SessionStatus.READY,
    )


def requested(session: LabSession, **fields: Any) -> LabDraft:
    values = {"workspace": session.workspace, "author": session.learner, "base": session.release, **fields}
    empty = {"files": {}, "content_hash": "", "learner_files": {}, "gradebook": ""}
    return make.LabDraftFactory.create(**{"status": DraftStatus.COLLECTING, **empty, **values})


def disk(session: LabSession, files: dict[str, bytes]) -> FakeContents:
    return FakeContents({f"{session.workspace.folder}/{path}": content for path, content in files.items()})


def collect(draft: LabDraft, fake: FakeContents) -> bool:
    is_new = collect_draft(draft.pk, connect=answering(fake))
    draft.refresh_from_db()
    return is_new


def save(holder: LabSession, files: dict[str, bytes], **fields: Any) -> Snapshot:
    digests = store_files(files)
    return make.SnapshotFactory.create(
        workspace=holder.workspace, files=digests, content_hash=hash_files(digests), **fields
    )


def test_what_stands_on_the_authors_disk_is_stored_and_to_be_checked(session: LabSession) -> None:
    draft = requested(session)
    assert collect(draft, disk(session, {"lab.ipynb": b"new", "data/a.csv": b"1"}))
    assert draft.status == DraftStatus.CHECKING
    assert read_files(draft.files) == {"lab.ipynb": b"new", "data/a.csv": b"1"}
    assert draft.events.get().reason == "draft_collected"
    assert not collect_draft(draft.pk, connect=answering(disk(session, {"lab.ipynb": b"newer"})))


def test_what_the_same_person_does_as_a_learner_is_never_brought_back(session: LabSession) -> None:
    """They have both: the learner's folder on the same disk, and a learner's snapshot that is newer."""
    learner = make.LabSessionFactory.create(
        enrolment__learner=session.learner, release=session.release, status=SessionStatus.READY
    )
    save(learner, {"lab.ipynb": b"a learner's"})
    fake = disk(session, {"lab.ipynb": b"an author's"})
    fake.files |= disk(learner, {"lab.ipynb": b"a learner's"}).files

    draft = requested(session)
    collect(draft, fake)
    assert read_files(draft.files) == {"lab.ipynb": b"an author's"}

    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.STOPPED)
    Snapshot.objects.filter(workspace=session.workspace).delete()
    nothing = requested(session)
    collect(nothing, fake)
    assert (nothing.status, nothing.reason) == (DraftStatus.FAILED, "draft_empty")


def test_without_a_session_the_newest_snapshot_is_taken(session: LabSession) -> None:
    LabSession.objects.update(status=SessionStatus.STOPPED)
    save(session, {"lab.ipynb": b"saved"})
    draft = requested(session)
    assert collect(draft, SilentContents())
    assert read_files(draft.files) == {"lab.ipynb": b"saved"}


def test_a_session_that_is_stopping_saves_first(session: LabSession) -> None:
    LabSession.objects.update(status=SessionStatus.STOPPING)
    draft = requested(session)
    assert not collect(draft, SilentContents())
    assert draft.status == DraftStatus.COLLECTING
    assert [pk for pk, _factory in reconcile_drafts().collects] == [draft.pk]


def test_older_files_are_not_taken_for_a_server_that_ended_after_the_press(session: LabSession) -> None:
    save(session, {"lab.ipynb": b"older"}, cause=Snapshot.Cause.TIMER, session=session,
         created_at=timezone.now() - timedelta(minutes=1))  # fmt: skip
    draft = requested(session)
    ended = {"ready_at": timezone.now() - timedelta(hours=1), "ended_at": timezone.now()}
    LabSession.objects.update(status=SessionStatus.FAILED, **ended)
    collect(draft, SilentContents())
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_server_ended")


def test_the_release_that_the_cohort_has_is_no_draft(session: LabSession) -> None:
    draft = requested(session)
    assert not collect(draft, disk(session, SOURCE))
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_unchanged")


def test_the_same_content_again_is_the_same_draft(session: LabSession) -> None:
    first = requested(session)
    collect(first, disk(session, {"lab.ipynb": b"new"}))
    second = requested(session, cohort=first.cohort)
    assert not collect(second, disk(session, {"lab.ipynb": b"new"}))
    assert (second.status, second.reason, second.same_as) == (DraftStatus.DISCARDED, "same_draft", first)

    third = requested(session, cohort=first.cohort)
    assert collect(third, disk(session, {"lab.ipynb": b"newer"}))


@pytest.mark.parametrize("status", [DraftStatus.FAILED, DraftStatus.DISCARDED, DraftStatus.RELEASED])
def test_content_whose_draft_has_ended_makes_a_new_one(session: LabSession, status: DraftStatus) -> None:
    first = requested(session)
    collect(first, disk(session, {"lab.ipynb": b"new"}))
    LabDraft.objects.update(status=status)
    again = requested(session, cohort=first.cohort)
    assert collect(again, disk(session, {"lab.ipynb": b"new"}))


def test_too_many_files_are_said_at_once(session: LabSession) -> None:
    draft = requested(session)
    collect(draft, disk(session, {f"{number}.txt": b"" for number in range(MAX_FILES + 1)}))
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_too_large")


def test_a_file_that_cannot_be_kept_is_not_left_out_in_silence(session: LabSession) -> None:
    draft = requested(session)
    collect(draft, disk(session, {"lab.ipynb": b"new", "a\nb.csv": b"1"}))
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_file_name")


def test_an_empty_folder_is_no_draft(session: LabSession) -> None:
    draft = requested(session)
    collect(draft, FakeContents())
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_empty")


def collect_late(draft: LabDraft) -> DraftStatus:
    """An hour after the press, from a factory that does not answer."""
    LabDraft.objects.update(requested_at=timezone.now() - timedelta(hours=1))
    collect_draft(draft.pk, connect=unreachable)
    draft.refresh_from_db()
    return DraftStatus(draft.status)


def test_a_draft_waits_for_a_factory_that_is_known_to_be_down(session: LabSession) -> None:
    draft = requested(session)
    Hub.objects.update(down_since=timezone.now())
    assert collect_late(draft) == DraftStatus.COLLECTING
    Hub.objects.update(down_since=None)
    assert collect_late(draft) == DraftStatus.FAILED


def test_a_factory_that_is_just_back_is_given_as_long_as_any(session: LabSession) -> None:
    draft = requested(session)
    now = timezone.now()
    outage = make.HubOutageFactory.create(hub=session.hub, began_at=now - timedelta(hours=2), ended_at=now)
    assert collect_late(draft) == DraftStatus.COLLECTING
    outage.ended_at = now - GIVE_UP_AFTER
    outage.save()
    assert collect_late(draft) == DraftStatus.FAILED


def test_a_fault_of_ours_is_tried_again_where_no_server_is_asked(
    session: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError

    LabSession.objects.update(status=SessionStatus.STOPPED)
    monkeypatch.setattr("labs.work.drafting.find_same", fail)
    draft = requested(session)
    save(session, {"lab.ipynb": b"new"})
    assert not collect(draft, FakeContents())
    assert draft.status == DraftStatus.COLLECTING


def test_a_silent_server_is_asked_again_and_then_the_author_is_told(session: LabSession) -> None:
    draft = requested(session)
    collect(draft, SilentContents())
    assert draft.status == DraftStatus.COLLECTING
    LabDraft.objects.update(requested_at=timezone.now() - timedelta(minutes=2))
    collect(draft, SilentContents())
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_not_collected")


def test_a_hostile_server_ends_nobodys_worker(session: LabSession) -> None:
    class Hostile(FakeContents):
        def read_file(self, path: str, *, max_bytes: int) -> bytes:
            raise ServerAnswerError("endless", reason="answer_too_large")

    draft = requested(session)
    collect(draft, Hostile(disk(session, {"lab.ipynb": b"new"}).files))
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_too_large")


def test_forgotten_drafts_are_sent_again_by_one_sweep(session: LabSession) -> None:
    now = timezone.now()
    old = now - timedelta(minutes=1)
    fetched = requested(session, sent_at=old)
    checked = requested(session, status=DraftStatus.CHECKING, content_hash="1" * 64, sent_at=old)
    released = requested(session, status=DraftStatus.RELEASING, content_hash="2" * 64, sent_at=old)
    requested(session, status=DraftStatus.CHECKED, content_hash="3" * 64, sent_at=old)
    at_work = {"status": DraftStatus.CHECKING, "sent_at": old, "claimed_at": now}
    requested(session, content_hash="4" * 64, **at_work)

    sweep = reconcile_drafts(now)
    assert sweep.collects == [(fetched.pk, fetched.cohort.factory.slug)]
    assert (sweep.checks, sweep.releases) == ([checked.pk], [released.pk])
    again = reconcile_drafts(now)
    assert (again.collects, again.checks, again.releases) == ([], [], [])


def test_a_check_whose_worker_died_is_sent_again_and_in_the_end_has_failed(session: LabSession) -> None:
    old = timezone.now() - timedelta(minutes=1)
    fields = {"status": DraftStatus.CHECKING, "sent_at": old, "claimed_at": old}
    draft = requested(session, tries=MAX_TRIES - 1, **fields)
    assert reconcile_drafts().checks == [draft.pk]

    LabDraft.objects.update(tries=MAX_TRIES, sent_at=old)
    assert reconcile_drafts().checks == []
    draft.refresh_from_db()
    assert (draft.status, draft.reason) == (DraftStatus.FAILED, "draft_not_checked")
