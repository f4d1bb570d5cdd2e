"""Content-addressed files: written once, found again, whole."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from labs.blobs import delete_blob, hash_files, list_blobs, read_blob, size_of_blob, store_blob


def folder_of(digest: str) -> list[str]:
    return default_storage.listdir(f"blobs/{digest[:2]}")[1]


def test_what_was_stored_is_read_and_stored_once() -> None:
    digest = store_blob(b"stored once")
    assert store_blob(b"stored once") == digest
    assert read_blob(digest) == b"stored once"
    assert [name for name in folder_of(digest) if name.startswith(digest)] == [digest]


def test_two_workers_that_store_the_same_leave_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = store_blob(b"stored at once")
    exists, seen = default_storage.exists, list[str]()

    def exists_a_moment_later(name: str) -> bool:
        seen.append(name)
        return len(seen) > 1 and exists(name)

    monkeypatch.setattr(default_storage, "exists", exists_a_moment_later)
    assert store_blob(b"stored at once") == digest
    assert [name for name in folder_of(digest) if name.startswith(digest)] == [digest]


def test_a_file_cut_short_is_written_anew() -> None:
    digest = store_blob(b"the whole text")
    name = f"blobs/{digest[:2]}/{digest}"
    default_storage.delete(name)
    default_storage.save(name, ContentFile(b"the who"))
    store_blob(b"the whole text")
    assert read_blob(digest) == b"the whole text"


@pytest.mark.parametrize("digest", ["", "../../secrets/key", "g" * 64, "a" * 63])
def test_only_a_digest_is_a_name(digest: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        read_blob(digest)


def test_the_order_of_files_changes_no_hash() -> None:
    assert hash_files({"a": "1", "b": "2"}) == hash_files({"b": "2", "a": "1"})
    assert hash_files({"a": "1", "b": "2"}) != hash_files({"a": "2", "b": "1"})


@pytest.fixture
def on_disk(tmp_path: Path, settings: Any) -> Path:
    """The storage is a folder, as on one machine."""
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }
    return tmp_path / "blobs"


def grow_old(folder: Path, digest: str) -> Path:
    path = folder / digest[:2] / digest
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_a_blob_that_is_stored_again_is_young_again(on_disk: Path) -> None:
    digest = store_blob(b"old and new")
    path = grow_old(on_disk, digest)
    store_blob(b"old and new")
    assert time.time() - path.stat().st_mtime < 60
    assert not delete_blob(digest, older_than=timezone.now() - timedelta(days=7))


def test_a_blob_that_is_deleted_while_it_is_stored_again_is_written_anew(
    on_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = grow_old(on_disk, digest := store_blob(b"deleted meanwhile"))
    age = default_storage.get_modified_time

    def delete_first(name: str) -> datetime:
        moment = age(name)
        path.unlink()
        return moment

    monkeypatch.setattr(default_storage, "get_modified_time", delete_first)
    store_blob(b"deleted meanwhile")
    assert read_blob(digest) == b"deleted meanwhile"


def test_only_old_blobs_are_deleted(on_disk: Path) -> None:
    digest = store_blob(b"not for ever")
    path = grow_old(on_disk, digest)
    assert delete_blob(digest, older_than=timezone.now())
    assert not path.exists()
    assert not delete_blob(digest, older_than=timezone.now())
    assert size_of_blob(digest) is None


def test_blobs_are_listed_by_their_first_two_digits(on_disk: Path) -> None:
    digest = store_blob(b"listed")
    (on_disk / digest[:2] / "no-digest").touch()
    assert list(list_blobs(digest[:2])) == [digest]
    assert list(list_blobs("zz")) == []
