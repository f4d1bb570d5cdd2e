"""Content-addressed files in Django's storage: the name is the SHA-256 of the content, so writing twice is free.

A blob that nothing refers to any more is deleted when it has been old for a while (`work/pruning.py`). Whoever
stores content that is there already makes its blob young again, so it outlives the moment between storing it and
writing the row that refers to it.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

YOUNG_FOR: Final = timedelta(days=1)
PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))

_DIGEST = re.compile(r"[0-9a-f]{64}")


def _name_of(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not a digest: {digest!r}")
    return f"blobs/{digest[:2]}/{digest}"


def store_blob(content: bytes) -> str:
    """Store bytes; returns their digest. A file cut short by a worker that died is written anew."""
    digest = hash_content(content)
    name = _name_of(digest)
    if default_storage.exists(name):
        if default_storage.size(name) == len(content) and _make_young(name):
            return digest
        default_storage.delete(name)
    saved_as = default_storage.save(name, ContentFile(content))
    if saved_as != name:  # another worker stored the same at this moment, and the storage evaded it
        default_storage.delete(saved_as)
    return digest


def _make_young(name: str) -> bool:
    """Whether a blob is young, or could be made so; storages without a file system write it anew."""
    try:
        if timezone.now() - default_storage.get_modified_time(name) > YOUNG_FOR:
            os.utime(default_storage.path(name))
    except (FileNotFoundError, NotImplementedError):
        return False
    return True


def hash_content(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_blob(digest: str) -> bytes:
    """The bytes of a digest; FileNotFoundError when they are not in the storage."""
    with default_storage.open(_name_of(digest)) as stream:
        return bytes(stream.read())


def size_of_blob(digest: str) -> int | None:
    """The length in bytes; None when it is not in the storage."""
    try:
        return int(default_storage.size(_name_of(digest)))
    except FileNotFoundError:
        return None


def delete_blob(digest: str, *, older_than: datetime) -> bool:
    """Delete a blob that was last stored before a moment; False where it was stored again since, or is gone."""
    name = _name_of(digest)
    try:
        if default_storage.get_modified_time(name) >= older_than:
            return False
    except FileNotFoundError:
        return False
    default_storage.delete(name)
    return True


def list_blobs(prefix: str) -> Iterator[str]:
    """Digests that begin with one of PREFIXES."""
    try:
        _folders, names = default_storage.listdir(f"blobs/{prefix}")
    except FileNotFoundError:
        return
    yield from (name for name in names if _DIGEST.fullmatch(name))


def store_files(files: Mapping[str, bytes]) -> dict[str, str]:
    """Store several files; returns a map from path to digest."""
    return {path: store_blob(content) for path, content in files.items()}


def read_files(digests: Mapping[str, str]) -> dict[str, bytes]:
    return {path: read_blob(digest) for path, digest in digests.items()}


def hash_files(digests: Mapping[str, str]) -> str:
    """One digest over a map of paths to digests, whatever its order."""
    lines = "\n".join(f"{digest} {path}" for path, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
