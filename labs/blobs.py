"""Content-addressed files in Django's storage: the name is the SHA-256 of the content, so writing twice is free."""

import hashlib
import re
from collections.abc import Mapping

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

_DIGEST = re.compile(r"[0-9a-f]{64}")


def _name_of(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not a digest: {digest!r}")
    return f"blobs/{digest[:2]}/{digest}"


def store_blob(content: bytes) -> str:
    """Store bytes; returns their digest. A file cut short by a worker that died is written anew."""
    digest = hashlib.sha256(content).hexdigest()
    name = _name_of(digest)
    if default_storage.exists(name):
        if default_storage.size(name) == len(content):
            return digest
        default_storage.delete(name)
    saved_as = default_storage.save(name, ContentFile(content))
    if saved_as != name:  # another worker stored the same at this moment, and the storage evaded it
        default_storage.delete(saved_as)
    return digest


def read_blob(digest: str) -> bytes:
    """The bytes of a digest; FileNotFoundError when they are not in the storage."""
    with default_storage.open(_name_of(digest)) as stream:
        return bytes(stream.read())


def store_files(files: Mapping[str, bytes]) -> dict[str, str]:
    """Store several files; returns a map from path to digest."""
    return {path: store_blob(content) for path, content in files.items()}


def read_files(digests: Mapping[str, str]) -> dict[str, bytes]:
    return {path: read_blob(digest) for path, digest in digests.items()}


def hash_files(digests: Mapping[str, str]) -> str:
    """One digest over a map of paths to digests, whatever its order."""
    lines = "\n".join(f"{digest} {path}" for path, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
