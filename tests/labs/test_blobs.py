"""Content-addressed files: written once, found again, whole."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from labs.blobs import hash_files, read_blob, store_blob


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
