"""What files of a box may be called."""

from collections.abc import Mapping
from pathlib import PurePosixPath


def check_file_names(files: Mapping[str, bytes]) -> list[str]:
    """The names that cannot be files below a working folder: absolute, leading out of it, empty or unspeakable."""
    return [name for name in files if not _is_plain(name)]


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return False
    parts_fit = all(len(part.encode()) <= 255 for part in path.parts)
    is_below = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return is_below and parts_fit and b"\0" not in encoded and len(encoded) <= 1024 and str(path) == name
