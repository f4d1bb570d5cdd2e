"""ContentsClient: files of a learner's own server. The learner controls what answers: it is all hostile."""

import base64
import binascii
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx

from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub.exchange import Answer, Asker, TooLargeError, TooSlowError, ask, make_http
from labs.jupyterhub.wire import (
    FileModel,
    TooManyValuesError,
    WrongShapeError,
    as_list,
    as_object,
    as_str,
    parse_json,
)

CALL_SECONDS: Final = 20.0
MODEL_BYTES: Final = 64 * 1024  # one file's model without its content
LISTING_BYTES: Final = 4 * 1024 * 1024  # one folder; about 300 bytes a file
PATH_BYTES: Final = 1024
NAME_BYTES: Final = 255  # what file systems take
UNTRACKED: Final = {"no_track_activity": "1"}  # that we look is no activity of the learner
SHOWN: Final = 120  # characters of a refused name
# What the proxy, the hub, or a server that cannot reach its hub answers in place of the files: 403 and 424 come from
# the hub while the proxy does not know the server, as after a restart.
UNREACHABLE: Final = frozenset({403, 424, 500, 502, 503, 504})


@dataclass(frozen=True)
class Listing:
    """Every file below a folder by its path from the workspace's top, in order; and what cannot be stored.

    `refused` has names that no other machine or no archive would take, written so that they can be shown: what
    is not printable as an escape, and no longer than SHOWN.
    """

    files: Sequence[FileModel] = ()
    refused: Sequence[str] = ()


class ContentsClient(Asker):
    """The workspace of one session, by a token for that one server.

    Raises HubUnavailableError where the factory's proxy cannot be reached, ServerAnswerError for everything
    that the learner's server itself does wrong: refusing, answering too much, too slowly, or not at all. What may
    as well be the proxy's or the hub's doing, and soon over, has the reason `server_unreachable`.
    """

    def __init__(
        self, origin: str, path: str, token: str, *, host: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._base = "/" + path.strip("/")
        super().__init__(make_http(origin, token, host=host, seconds=10.0, transport=transport))

    def find_file(self, path: str) -> FileModel | None:
        """A file's or folder's model, or None where there is none. Hidden files are none."""
        answer = self._ask("GET", contents_path(path), params={"content": "0"}, max_bytes=MODEL_BYTES)
        if answer.status == 404:
            return None
        try:
            return FileModel.from_wire(self._read(answer), path=path)
        except WrongShapeError as error:
            raise ServerAnswerError(str(error)) from error

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
        """Every file below `folder`, folders themselves left out.

        More than `max_files` entries, or folders nested deeper than `max_depth`, raise ServerAnswerError
        (`too_many_files`, `too_deep`): a list that is silently short would lose work.
        """
        files: list[FileModel] = []
        refused: list[str] = []
        waiting = [(folder, 1)]
        seen = 0
        while waiting:
            path, depth = waiting.pop()
            if depth > max_depth:
                raise ServerAnswerError(f"folders nested deeper than {max_depth}", reason="too_deep")
            entries = self._list_folder(path)
            seen += len(entries)
            if seen > max_files:
                raise ServerAnswerError(f"more than {max_files} files", reason="too_many_files")
            for entry in entries:
                if not is_storable(entry.path, below=path):
                    refused.append(show_name(entry.path))
                elif entry.is_folder:
                    waiting.append((entry.path, depth + 1))
                else:
                    files.append(entry)
        return Listing(sorted(files, key=lambda file: file.path), sorted(refused))

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        """The bytes on the server's disk, notebooks included: never what Jupyter makes of them."""
        params = {"content": "1", "type": "file", "format": "base64"}
        # base64 makes 4 bytes of 3, and may be cut into lines
        answer = self._ask(
            "GET", contents_path(path), params=params, max_bytes=max_bytes * 3 // 2 + MODEL_BYTES
        )
        if answer.status == 404:
            raise ServerAnswerError(path, reason="file_missing")
        try:
            content = base64.b64decode(as_str(as_object(self._read(answer)).get("content")))
        except (WrongShapeError, binascii.Error, ValueError) as error:
            raise ServerAnswerError(f"{path}: no base64") from error
        if len(content) > max_bytes:
            raise ServerAnswerError(f"{path}: more than {max_bytes} bytes", reason="file_too_large")
        return content

    def create_file(self, path: str, content: bytes) -> bool:
        """Put a new file in place, with the folders it needs. False where something has that name already."""
        if self.find_file(path) is not None:
            return False
        self._write(path, content)
        return True

    def replace_file(self, path: str, content: bytes) -> None:
        """Put a file in place whatever it held before, with the folders it needs.

        A folder of that name stays, and the file is refused (`file_refused`).
        """
        self._check_is_no_folder(path)
        self._write(path, content)

    def delete_file(self, path: str) -> None:
        """Delete a file; one that is not there is fine. A folder of that name stays (`file_refused`)."""
        self._check_is_no_folder(path)
        answer = self._ask("DELETE", contents_path(path), max_bytes=MODEL_BYTES)
        if answer.status not in {204, 404}:
            raise ServerAnswerError(f"DELETE {path}: {answer.status}", reason="file_refused")

    def _check_is_no_folder(self, path: str) -> None:
        found = self.find_file(path)
        if found is not None and found.is_folder:
            raise ServerAnswerError(f"{path} is a folder", reason="file_refused")

    def _write(self, path: str, content: bytes) -> None:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._put("/".join(parts[:depth]), {"type": "directory"})
        model = {"type": "file", "format": "base64", "content": base64.b64encode(content).decode("ascii")}
        self._put(path, model)

    def _list_folder(self, path: str) -> list[FileModel]:
        params = {"content": "1", "type": "directory"}
        answer = self._ask("GET", contents_path(path), params=params, max_bytes=LISTING_BYTES)
        if answer.status == 404:
            return []
        try:
            wires = [as_object(wire) for wire in as_list(as_object(self._read(answer)).get("content"))]
            names = [as_str(wire.get("name")) for wire in wires]
            entries = [
                FileModel.from_wire(wire, path=f"{path}/{name}" if path else name)
                for wire, name in zip(wires, names, strict=True)
            ]
        except WrongShapeError as error:
            raise ServerAnswerError(str(error)) from error
        if len(set(names)) < len(names):
            raise ServerAnswerError("two files of one name")
        return entries

    def _put(self, path: str, model: dict[str, str]) -> None:
        answer = self._ask("PUT", contents_path(path), json=model, max_bytes=MODEL_BYTES)
        if answer.status not in {200, 201}:
            raise ServerAnswerError(f"PUT {path}: {answer.status}", reason="file_refused")

    def _read(self, answer: Answer) -> object:
        if answer.status in UNREACHABLE:
            raise ServerAnswerError(f"answered {answer.status}", reason="server_unreachable")
        if answer.status != 200:
            raise ServerAnswerError(f"answered {answer.status}")
        try:
            return parse_json(answer.body)
        except TooManyValuesError as error:
            raise ServerAnswerError(str(error), reason="answer_too_large") from error
        except WrongShapeError as error:
            raise ServerAnswerError(str(error)) from error

    def _ask(
        self,
        method: str,
        path: str,
        *,
        max_bytes: int,
        params: dict[str, str] | None = None,
        json: object = None,
    ) -> Answer:
        try:
            return ask(
                self._http,
                method,
                self._base + path,
                max_bytes=max_bytes,
                seconds=CALL_SECONDS,
                params={**(params or {}), **UNTRACKED},
                json=json,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise HubUnavailableError("the factory's proxy does not answer") from error
        except TooLargeError as error:
            raise ServerAnswerError(f"{method}: {error}", reason="answer_too_large") from error
        except (TooSlowError, httpx.TimeoutException) as error:
            raise ServerAnswerError(f"{method}: too slow", reason="answer_too_slow") from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            # Cut off: by the server itself, or because the proxy has ended.
            raise ServerAnswerError(
                f"{method}: {type(error).__name__}", reason="server_unreachable"
            ) from error
        except httpx.HTTPError as error:
            raise ServerAnswerError(f"{method}: {type(error).__name__}") from error


def is_safe_path(path: str) -> bool:
    """Whether a path stays below the folder it is put under, is text, and fits into a file system."""
    return len(path.encode("utf-8", "surrogatepass")) <= PATH_BYTES and all(
        is_safe_name(part) for part in path.split("/")
    )


def is_safe_name(name: str) -> bool:
    """One part of a path. Word processors and other languages put other spaces than ours into names: they may."""
    return (
        name not in {"", ".", ".."}
        and "\\" not in name
        and len(name.encode("utf-8", "surrogatepass")) <= NAME_BYTES
        and all(char.isprintable() or unicodedata.category(char) == "Zs" for char in name)
    )


def is_storable(path: str, *, below: str) -> bool:
    """Whether an entry that a folder claims to have is one file of that folder, by a name that can be kept."""
    name = path.removeprefix(f"{below}/") if below else path
    return "/" not in name and is_safe_path(path)


def show_name(path: str) -> str:
    """A refused name for people: shortened, and nothing in it that a page, a log or a terminal would act on."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in path[:SHOWN]
    )
    return shown[:SHOWN]


def contents_path(path: str) -> str:
    """The API's path of a workspace path; "" is the workspace itself."""
    if path and not is_safe_path(path):
        raise ServerAnswerError(f"not a path: {path!r}", reason="unsafe_name")
    return "/api/contents/" + quote(path) if path else "/api/contents"
