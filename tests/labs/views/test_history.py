"""The pages of the history: what they show and offer, whose they are, and that a download is harmless."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import Enrolment, User
from labs.blobs import hash_files, store_files
from labs.models import Hub, LabSession, LabUnit, Snapshot, Workspace
from labs.reasons import sentence_for
from labs.services.history import RETENTION
from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(1)">'
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": "# Title"},
        {
            "cell_type": "code",
            "source": ["x = 1\n", "print(x)"],
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "printed"}],
        },
        {"cell_type": "markdown", "source": HOSTILE},
        {
            "cell_type": "code",
            "source": HOSTILE,
            "outputs": [{"output_type": "display_data", "data": {"text/html": HOSTILE}}],
        },
    ]
}
FILES = {
    "lab.ipynb": json.dumps(NOTEBOOK).encode(),
    "data.csv": b"name;value\n<b>a</b>;1\n",
    "notes.txt": b"<b>plain</b>",
    "model.bin": b"\x00\x01",
    "sub/ä b.py": b"print('<b>')",
}


@pytest.fixture
def address(enrolment: Enrolment, lab_unit: LabUnit) -> str:
    return f"/learn/{enrolment.cohort.public_id}/{lab_unit.unit.slug}/history/"


@pytest.fixture
def workspace(enrolment: Enrolment, lab_unit: LabUnit) -> Workspace:
    return make.WorkspaceFactory.create(owner=enrolment.learner, lab=lab_unit.release.lab)


@pytest.fixture
def save(workspace: Workspace) -> Callable[..., Snapshot]:
    def save(files: dict[str, bytes], **fields: Any) -> Snapshot:
        digests = store_files(files)
        return make.SnapshotFactory.create(
            workspace=workspace, files=digests, content_hash=hash_files(digests), **fields
        )

    return save


def read(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_before_the_first_start_the_page_says_what_will_be_there(as_ada: Client, address: str) -> None:
    page = read(as_ada, address)
    assert "Nothing saved yet" in page
    assert str(RETENTION) in page
    assert 'id="history-reset"' not in page


def test_the_page_says_when_why_and_what_changed_in_the_readers_zone(
    as_ada: Client, ada: User, address: str, save: Callable[..., Snapshot]
) -> None:
    User.objects.filter(pk=ada.pk).update(time_zone="Europe/Athens")
    year = timezone.localdate().year
    save({"lab.ipynb": b"1"}, created_at=datetime(year - 1, 1, 1, 8, 0, tzinfo=UTC))
    save({"lab.ipynb": b"2"}, created_at=datetime(year - 1, 1, 2, 8, 0, tzinfo=UTC), cause="submit")
    page = read(as_ada, address)
    assert "10:00\N{NO-BREAK SPACE}EET" in page
    assert "Saved when you pressed Submit" in page
    assert "1 file changed" in page
    assert "Your work now" in page


def test_versions_of_one_minute_are_told_apart(
    as_ada: Client, ada: User, address: str, save: Callable[..., Snapshot]
) -> None:
    User.objects.filter(pk=ada.pk).update(time_zone="UTC")
    minute = datetime(2020, 1, 2, 8, 0, tzinfo=UTC)
    for number, seconds in enumerate((5, 55, 60)):
        last = save({"lab.ipynb": bytes([number])}, created_at=minute + timedelta(seconds=seconds))
    page = read(as_ada, address)
    assert all(words in page for words in (">2 January 2020, 08:00:05", ">2 January 2020, 08:00:55"))
    assert "08:01:" not in page.replace("08:01:00+00:00", "")
    first = last.workspace.snapshots.last()
    assert first is not None
    assert "08:00:05\N{NO-BREAK SPACE}UTC</time></h1>" in read(as_ada, f"{address}{first.public_id}/")
    assert "08:01\N{NO-BREAK SPACE}UTC</time></h1>" in read(as_ada, f"{address}{last.public_id}/")


def test_a_workspace_that_cannot_be_copied_says_why(
    as_ada: Client, address: str, save: Callable[..., Snapshot]
) -> None:
    save({"lab.ipynb": b"1"})
    Workspace.objects.update(unsaved_reason="unsaved_too_large", unsaved_since=timezone.now())
    assert sentence_for("unsaved_too_large") in read(as_ada, address)


def test_a_long_history_takes_as_many_queries_as_a_short_one(
    as_ada: Client,
    address: str,
    save: Callable[..., Snapshot],
    make_session: MakeSession,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    save({"lab.ipynb": b"0"}, created_at=timezone.now() - timedelta(hours=1))
    make_session(SessionStatus.STOPPED)
    read(as_ada, address)
    short = count_queries(lambda: read(as_ada, address))
    for number in range(12):
        save({"lab.ipynb": str(number).encode()}, session=make_session(SessionStatus.STOPPED))
    assert count_queries(lambda: read(as_ada, address)) == short


def test_a_restore_says_what_comes_and_offers_the_version_before(
    as_ada: Client, address: str, save: Callable[..., Snapshot], workspace: Workspace
) -> None:
    old = save({"lab.ipynb": b"old"}, created_at=timezone.now() - timedelta(hours=1))
    newest = save({"lab.ipynb": b"new"})
    response = as_ada.post(f"{address}{old.public_id}/restore", follow=True)
    page = response.content.decode()
    workspace.refresh_from_db()
    assert workspace.wanted is not None
    assert workspace.wanted.origin == old
    assert "Your lab begins with it at its next start." in page
    assert f"{address}{newest.public_id}/restore" in page
    assert 'id="history-back"' in page


def test_a_lab_that_runs_is_restarted_and_the_page_says_so(
    as_ada: Client, address: str, save: Callable[..., Snapshot], make_session: MakeSession
) -> None:
    session = make_session()
    save({"lab.ipynb": b"new"})
    assert "Your lab is stopped, its work is saved, and it starts again" in read(as_ada, address)
    page = as_ada.post(f"{address}reset", follow=True).content.decode()
    assert LabSession.objects.get(pk=session.pk).is_restarting
    assert "This takes less than a minute." in page
    assert f"/labs/sessions/{session.public_id}/" in page
    Hub.objects.update(down_since=timezone.now())
    page = read(as_ada, address)
    assert "starts again with it when Kajaani is back." in page
    assert "less than a minute" not in page


def test_a_reset_before_the_first_start_is_refused_with_a_sentence(as_ada: Client, address: str) -> None:
    page = as_ada.post(f"{address}reset", follow=True).content.decode()
    assert sentence_for("nothing_to_reset") in page


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("lab.ipynb", ["Title</h", "printed", "alert(1)"]),
        ("data.csv", ["<td>name</td><td>value</td>", "<td>&lt;b&gt;a&lt;/b&gt;</td>"]),
        ("notes.txt", ["&lt;b&gt;plain&lt;/b&gt;"]),
        ("sub/ä b.py", ["&lt;b&gt;"]),
        ("model.bin", ["cannot be shown here"]),
    ],
)
def test_a_file_is_shown_and_runs_nothing(
    as_ada: Client, address: str, save: Callable[..., Snapshot], path: str, shown: list[str]
) -> None:
    snapshot = save(FILES)
    response = as_ada.get(f"{address}{snapshot.public_id}/", {"file": path})
    page = response.content.decode()
    assert [text for text in shown if text not in page] == []
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_page_opens_with_the_notebook_and_says_how_many_cells_changed(
    as_ada: Client, address: str, save: Callable[..., Snapshot]
) -> None:
    cells = [*NOTEBOOK["cells"][1:], {"cell_type": "code", "source": "new"}, {"cell_type": "raw"}]
    save({**FILES, "old.py": b""}, created_at=timezone.now() - timedelta(hours=1))
    snapshot = save({**FILES, "lab.ipynb": json.dumps({"cells": cells}).encode()})
    page = read(as_ada, f"{address}{snapshot.public_id}/")
    assert "2 cells are new or changed since the version before" in page
    assert "1 file changed, 1 file deleted" in page


def test_a_file_that_the_store_has_lost_is_no_error(
    as_ada: Client, address: str, save: Callable[..., Snapshot]
) -> None:
    snapshot = save({"lab.ipynb": b"{}"})
    Snapshot.objects.update(files={"lab.ipynb": "0" * 64})
    assert "could not be read" in read(as_ada, f"{address}{snapshot.public_id}/")
    assert as_ada.get(f"{address}{snapshot.public_id}/file", {"file": "lab.ipynb"}).status_code == 404


@pytest.mark.parametrize("path", ["../../etc/passwd", "nothing.py"])
def test_only_files_of_the_version_are_shown_or_given(
    as_ada: Client, address: str, save: Callable[..., Snapshot], path: str
) -> None:
    snapshot = save(FILES)
    for page in ("", "file"):
        assert as_ada.get(f"{address}{snapshot.public_id}/{page}", {"file": path}).status_code == 404


def test_a_file_is_a_download_that_no_browser_opens(
    as_ada: Client, address: str, save: Callable[..., Snapshot]
) -> None:
    snapshot = save({"page.html": HOSTILE.encode()})
    response = as_ada.get(f"{address}{snapshot.public_id}/file", {"file": "page.html"})
    assert b"".join(response) == HOSTILE.encode()
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_all_files_come_as_one_zip(as_ada: Client, address: str, save: Callable[..., Snapshot]) -> None:
    snapshot = save(FILES)
    response = as_ada.get(f"{address}{snapshot.public_id}/zip")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response)))
    names = archive.namelist()
    (folder,) = {name.partition("/")[0] for name in names}
    assert {name.removeprefix(f"{folder}/"): archive.read(name) for name in names} == FILES
    assert response["Content-Disposition"].startswith("attachment")
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("path", ["", "file?file=lab.ipynb", "zip"])
def test_an_instructor_does_not_see_a_learners_versions(
    as_ben: Client, address: str, save: Callable[..., Snapshot], path: str
) -> None:
    snapshot = save(FILES)
    assert as_ben.get(address).status_code == 404
    assert as_ben.get(f"{address}{snapshot.public_id}/{path}").status_code == 404


def test_a_version_of_somebody_else_in_the_same_lab_is_a_strangers(
    as_ada: Client, address: str, lab_unit: LabUnit, workspace: Workspace
) -> None:
    others = make.SnapshotFactory.create(workspace__lab=lab_unit.release.lab)
    for path in ("", "file", "zip"):
        assert as_ada.get(f"{address}{others.public_id}/{path}").status_code == 404
    assert as_ada.post(f"{address}{others.public_id}/restore").status_code == 404
    workspace.refresh_from_db()
    assert workspace.wanted is None


@pytest.mark.parametrize("path", ["reset", "new-files"])
def test_what_changes_something_is_pressed(as_ada: Client, address: str, path: str) -> None:
    assert as_ada.get(f"{address}{path}").status_code == 405


def test_a_newer_release_is_offered_taken_and_dismissed(
    as_ada: Client, address: str, lab_unit: LabUnit, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.STOPPED, ready_at=timezone.now())
    files = store_files({"lab.ipynb": b"blank 2", "extra.py": b""})
    lab_unit.release = make.LabReleaseFactory.create(
        lab=lab_unit.release.lab, learner_files=files, number=session.release.number + 1
    )
    lab_unit.save()
    page = read(as_ada, address)
    assert "It has 1 new file." in page
    assert "1 file differs from the one that you were given." in page

    as_ada.post(f"{address}new-files", {"choice": "take"})
    assert "are put beside yours" in read(as_ada, address)
    response = as_ada.post(f"{address}new-files", {"choice": "dismiss", "next": "panel"})
    assert response["Location"] == address.removesuffix("history/")
    assert 'id="new-files"' not in read(as_ada, address)
