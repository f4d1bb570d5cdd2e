"""The files of a package: found, measured and named before any of them is read."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from courses.package.contents import PackageFile
from courses.package.limits import MAX_DEPTH, MAX_FILE_BYTES, MAX_FILES, MAX_PACKAGE_BYTES
from courses.package.names import is_ignored, is_plain, is_reserved
from courses.unit_kinds import Report


@dataclass(frozen=True)
class Tree:
    """The files that count, by their path in the package, and the folders; `refused` may not be read."""

    root: Path
    files: Mapping[str, PackageFile]
    folders: frozenset[str]
    refused: frozenset[str]

    def files_in(self, folder: str) -> list[str]:
        """The names of the files that lie directly in a folder ("" is the package)."""
        return _names_in(folder, self.files)

    def folders_in(self, folder: str) -> list[str]:
        """The names of the folders that lie directly in a folder."""
        return _names_in(folder, self.folders)

    def files_below(self, folder: str) -> tuple[PackageFile, ...]:
        """All files in a folder and the folders in it."""
        return tuple(file for path, file in sorted(self.files.items()) if path.startswith(f"{folder}/"))

    def is_whole(self, folder: str) -> bool:
        """Whether everything in a folder may be read."""
        return not any(path in ("", folder) or path.startswith(f"{folder}/") for path in self.refused)

    def content_hash(self) -> str:
        """SHA-256 over the paths and contents of all files that count, whatever order the disk has them in."""
        lines = (f"{path}\0{file.sha256}\n" for path, file in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_tree(root: Path, report: Report) -> Tree:
    """Walk the package without following a link; report what may not be in one, and leave it out."""
    walk = _Walk(root, report)
    walk.enter(root, "", depth=1)
    return Tree(root, walk.files, frozenset(walk.folders), frozenset(walk.refused))


def read_text(tree: Tree, path: str, report: Report, *, max_bytes: int) -> str | None:
    """A file's text with `\\n` at the end of each line; None, and a report, when it is too large or not UTF-8."""
    file = tree.files[path]
    if file.size > max_bytes:
        report(path, _say_too_large(max_bytes), code="too-large")
        return None
    content = file.location.read_bytes()[:max_bytes]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        report(path, _("This file is not UTF-8 text."), line=line, code="not-utf-8")
        return None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        report(path, _("This file is not text: it has a zero byte."), line=line, code="not-text")
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


class _Walk:
    """One walk through a package, with what it has met so far."""

    def __init__(self, root: Path, report: Report) -> None:
        self.root = root.resolve()
        self._report = report
        self.refused: set[str] = set()
        self.files: dict[str, PackageFile] = {}
        self.folders: set[str] = set()
        self.bytes_left = MAX_PACKAGE_BYTES
        self.is_full = False

    def refuse(self, path: str, message: str, *, code: str) -> None:
        self.refused.add(path)
        self._report(path, message, code=code)

    def enter(self, folder: Path, path: str, *, depth: int) -> None:
        if depth > MAX_DEPTH:
            message = _("This folder is deeper in the package than %(max)d folders.") % {"max": MAX_DEPTH}
            self.refuse(path, message, code="too-deep")
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            self.refuse(path, _("This folder cannot be read."), code="unreadable")
            return
        seen: dict[str, str] = {}
        for entry in entries:
            if self.is_full:
                return
            entry_path = f"{path}/{entry.name}" if path else entry.name
            if not is_ignored(entry_path) and self._is_named_well(entry.name, entry_path, seen):
                self._meet(entry, entry_path, depth)

    def _is_named_well(self, name: str, path: str, seen: dict[str, str]) -> bool:
        if not is_plain(name):
            shown = path.encode("utf-8", "replace").decode()
            message = _("A name here has at most 100 letters from a to z, digits, “.”, “_” and “-”.")
            self.refuse(shown, message, code="odd-name")
            return False
        if is_reserved(name):
            self.refuse(path, _("Windows keeps this name for a device."), code="odd-name")
            return False
        twin = seen.setdefault(name.lower(), name)
        if twin != name:
            message = _("“%(twin)s” and this name differ only by capital letters.") % {"twin": twin}
            self.refuse(path, message, code="same-name")
        return True

    def _meet(self, entry: os.DirEntry[str], path: str, depth: int) -> None:
        if entry.is_symlink():
            self._report_link(entry, path)
        elif entry.is_dir(follow_symlinks=False):
            self.folders.add(path)
            self.enter(Path(entry.path), path, depth=depth + 1)
        elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            self._add_file(entry, path)
        else:
            self.refuse(path, _("This is neither a file nor a folder."), code="special-file")

    def _report_link(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            is_inside = Path(entry.path).resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):  # a link to itself
            is_inside = True
        if is_inside:
            self.refuse(path, _("This is a link. A package has plain files only."), code="link")
        else:
            self.refuse(path, _("This link leads out of the package."), code="leaves-package")

    def _add_file(self, entry: os.DirEntry[str], path: str) -> None:
        size = entry.stat(follow_symlinks=False).st_size
        if size > MAX_FILE_BYTES:
            self.refuse(path, _say_too_large(MAX_FILE_BYTES), code="too-large")
            return
        self.bytes_left -= size
        if self.bytes_left < 0 or len(self.files) >= MAX_FILES:
            self.is_full = True
            message = _(
                "A package has at most %(files)d files of %(size)s in all; this one was not read further."
            )
            limits = {"files": MAX_FILES, "size": _megabytes(MAX_PACKAGE_BYTES)}
            self.refuse("", message % limits, code="too-large")
            return
        try:
            digest = hashlib.sha256(Path(entry.path).read_bytes()).hexdigest()
        except OSError:
            self.refuse(path, _("This file cannot be read."), code="unreadable")
            return
        self.files[path] = PackageFile(path, Path(entry.path), size, digest)


def _names_in(folder: str, paths: Mapping[str, object] | frozenset[str]) -> list[str]:
    start = f"{folder}/" if folder else ""
    rest = (path[len(start) :] for path in paths if path.startswith(start))
    return sorted(name for name in rest if name and "/" not in name)


def _say_too_large(limit: int) -> str:
    return _("This file is larger than %(limit)s.") % {"limit": _megabytes(limit)}


def _megabytes(size: int) -> str:
    return f"{size // 1024} KiB" if size < 1024 * 1024 else f"{size // (1024 * 1024)} MiB"
