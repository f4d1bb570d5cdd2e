"""ContentsClient: files of a learner's own server. The learner controls what answers: it is all hostile."""

import base64
import binascii
from urllib.parse import quote

import httpx

from labs.exceptions import HubUnavailableError, ServerAnswerError
from labs.jupyterhub.exchange import Answer, Asker, TooLargeError, TooSlowError, ask, make_http
from labs.jupyterhub.wire import FileModel, WrongShapeError, as_list, as_object, as_str, parse_json

CALL_SECONDS = 20.0
MODEL_BYTES = 64 * 1024  # one file's model without its content
LISTING_BYTES = 4 * 1024 * 1024  # one folder; about 300 bytes a file


class ContentsClient(Asker):
    """The workspace of one session, by a token for that one server.

    Raises HubUnavailableError where the factory's proxy cannot be reached, ServerAnswerError for everything
    that the learner's server itself does wrong: refusing, answering too much, too slowly, or not at all.
    """

    def __init__(
        self, origin: str, path: str, token: str, *, host: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._base = "/" + path.strip("/") + "/api"
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

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> list[FileModel]:
        """Every file below `folder` with its path from the workspace's top, folders themselves left out.

        More than `max_files` entries, or folders nested deeper than `max_depth`, raise ServerAnswerError
        (`too_many_files`, `too_deep`): a list that is silently short would lose work.
        """
        files: list[FileModel] = []
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
                if entry.is_folder:
                    waiting.append((entry.path, depth + 1))
                else:
                    files.append(entry)
        return sorted(files, key=lambda file: file.path)

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
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._put("/".join(parts[:depth]), {"type": "directory"})
        model = {"type": "file", "format": "base64", "content": base64.b64encode(content).decode("ascii")}
        self._put(path, model)
        return True

    def _list_folder(self, path: str) -> list[FileModel]:
        params = {"content": "1", "type": "directory"}
        answer = self._ask("GET", contents_path(path), params=params, max_bytes=LISTING_BYTES)
        if answer.status == 404:
            return []
        try:
            wires = [as_object(wire) for wire in as_list(as_object(self._read(answer)).get("content"))]
            names = [as_str(wire.get("name")) for wire in wires]
            entries = [
                FileModel.from_wire(wire, path=f"{path}/{name}".strip("/"))
                for wire, name in zip(wires, names, strict=True)
            ]
        except WrongShapeError as error:
            raise ServerAnswerError(str(error)) from error
        for name in names:
            if "/" in name or not is_safe_path(name):
                raise ServerAnswerError(f"a file called {name!r}", reason="unsafe_name")
        return entries

    def _put(self, path: str, model: dict[str, str]) -> None:
        answer = self._ask("PUT", contents_path(path), json=model, max_bytes=MODEL_BYTES)
        if answer.status not in {200, 201}:
            raise ServerAnswerError(f"PUT {path}: {answer.status}", reason="file_refused")

    def _read(self, answer: Answer) -> object:
        if answer.status != 200:
            raise ServerAnswerError(f"answered {answer.status}")
        try:
            return parse_json(answer.body)
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
                params=params,
                json=json,
            )
        except httpx.ConnectError as error:
            raise HubUnavailableError("the factory's proxy does not answer") from error
        except TooLargeError as error:
            raise ServerAnswerError(f"{method}: {error}", reason="answer_too_large") from error
        except (TooSlowError, httpx.TimeoutException) as error:
            raise ServerAnswerError(f"{method}: too slow", reason="answer_too_slow") from error
        except httpx.HTTPError as error:
            raise ServerAnswerError(f"{method}: {type(error).__name__}") from error


def is_safe_path(path: str) -> bool:
    """Whether a path stays below the folder it is put under, and is printable text in every part."""
    parts = path.split("/")
    return all(
        part not in {"", ".", ".."} and part.isprintable() and "\\" not in part for part in parts
    ) and (len(path.encode("utf-8", "surrogatepass")) <= 1024)


def contents_path(path: str) -> str:
    """The API's path of a workspace path; "" is the workspace itself."""
    if path and not is_safe_path(path):
        raise ServerAnswerError(f"not a path: {path!r}", reason="unsafe_name")
    return "/contents/" + quote(path) if path else "/contents"
