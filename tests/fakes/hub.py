"""A hub and a learner's server in memory, with the public methods of HubClient and ServerClient."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Self

from labs.exceptions import HubUnavailableError, ServerAnswerError, SpawnRejectedError
from labs.jupyterhub import FileModel, KernelModel, Listing, QueueAnswer, ServerModel, ServerToken
from labs.jupyterhub.client import check_name
from labs.jupyterhub.contents import contents_path, is_safe_path, show_name

STARTED_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class FakeHub:
    """A hub that works. A server becomes ready, or is gone, after it was looked at `looks` times.

    `calls` lists what was asked that changes something: ("ensure_server", user, server) and so on. `queue` is what it
    says of its batch system, of which it has none; `asked_since` are the times of which that was asked.
    """

    def __init__(self, *, looks: int = 0) -> None:
        self.looks = looks
        self.calls: list[tuple[str, ...]] = []
        self.users: set[str] = set()
        self.servers: dict[tuple[str, str], ServerModel] = {}
        self.user_options: dict[tuple[str, str], dict[str, object]] = {}
        self.tokens: dict[str, tuple[str, str]] = {}
        self.queue = QueueAnswer()
        self.asked_since: list[datetime | None] = []
        self._looks_left: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ensure_user(self, user: str) -> None:
        self.calls.append(("ensure_user", check_name(user)))
        self.users.add(user)

    def ensure_server(self, user: str, server: str, user_options: Mapping[str, object]) -> ServerModel:
        self.calls.append(("ensure_server", check_name(user), check_name(server)))
        if user not in self.users:
            raise SpawnRejectedError(f"no user {user}")
        key = user, server
        model = self.servers.get(key)
        if model is None or not (model.is_ready or model.pending):
            self.user_options[key] = dict(user_options)
            self.servers[key] = ServerModel(
                user=user,
                name=server,
                is_ready=False,
                pending="spawn",
                started_at=STARTED_AT,
                last_activity_at=STARTED_AT,
                url_path=f"/user/{user}/{server}/",
            )
            self._looks_left[key] = self.looks
        return self.servers[key]

    def ensure_stopped(self, user: str, server: str) -> bool:
        self.calls.append(("ensure_stopped", check_name(user), check_name(server)))
        key = user, server
        model = self.find_server(user, server)
        if model is None:
            return True
        if model.pending != "stop":
            if not model.is_ready and not model.pending:
                del self.servers[key]
                return True
            self.servers[key] = replace(model, is_ready=False, pending="stop")
            self._looks_left[key] = self.looks
        return False

    def find_server(self, user: str, server: str) -> ServerModel | None:
        key = check_name(user), check_name(server)
        self._look(key)
        return self.servers.get(key)

    def list_servers(self) -> dict[tuple[str, str], ServerModel]:
        for key in list(self.servers):
            self._look(key)
        return {key: model for key, model in self.servers.items() if model.is_ready or model.pending}

    def create_server_token(self, user: str, server: str, *, expires_in: int) -> ServerToken:
        if check_name(user) not in self.users:
            raise SpawnRejectedError(f"no user {user}")
        token = ServerToken(id=f"a{len(self.tokens) + 1}", token=f"secret-{len(self.tokens) + 1}")
        self.tokens[token.id] = (user, check_name(server))
        return token

    def revoke_token(self, user: str, token_id: str) -> None:
        check_name(user)
        self.tokens.pop(check_name(token_id), None)

    def sign_out(self, user: str, *, seconds_ago: float = 0) -> None:
        self.calls.append(("sign_out", check_name(user)))

    def read_queue(self, since: datetime | None = None) -> QueueAnswer:
        self.asked_since.append(since)
        ended = [job for job in self.queue.ended if job.ended_at and (since is None or job.ended_at > since)]
        return replace(self.queue, ended=tuple(ended))

    def lose_server(self, user: str, server: str) -> None:
        """The server dies by itself, as when its node is lost: the hub knows it, and that it does not run."""
        self.servers[user, server] = replace(self.servers[user, server], is_ready=False, pending="")

    def _look(self, key: tuple[str, str]) -> None:
        model = self.servers.get(key)
        if model is None or not model.pending:
            return
        if self._looks_left[key] > 0:
            self._looks_left[key] -= 1
        elif model.pending == "spawn":
            self.servers[key] = replace(model, is_ready=True, pending="")
        else:
            del self.servers[key]


class NeverReadyHub(FakeHub):
    """Takes every request and never brings a server up or down, like a full partition."""

    def _look(self, key: tuple[str, str]) -> None:
        pass


class RefusingHub(FakeHub):
    """Knows everybody and starts nothing for anybody; `refusal` is its slug for why, where it says one."""

    refusal = ""

    def ensure_server(self, user: str, server: str, user_options: Mapping[str, object]) -> ServerModel:
        self.calls.append(("ensure_server", user, server))
        raise SpawnRejectedError("refused", refusal=self.refusal)


class UnavailableHub(FakeHub):
    """Does not answer, whatever is asked."""

    def ensure_user(self, user: str) -> None:
        raise HubUnavailableError("down")

    def ensure_server(self, user: str, server: str, user_options: Mapping[str, object]) -> ServerModel:
        raise HubUnavailableError("down")

    def ensure_stopped(self, user: str, server: str) -> bool:
        raise HubUnavailableError("down")

    def find_server(self, user: str, server: str) -> ServerModel | None:
        raise HubUnavailableError("down")

    def list_servers(self) -> dict[tuple[str, str], ServerModel]:
        raise HubUnavailableError("down")

    def create_server_token(self, user: str, server: str, *, expires_in: int) -> ServerToken:
        raise HubUnavailableError("down")

    def revoke_token(self, user: str, token_id: str) -> None:
        raise HubUnavailableError("down")

    def sign_out(self, user: str, *, seconds_ago: float = 0) -> None:
        raise HubUnavailableError("down")

    def read_queue(self, since: datetime | None = None) -> QueueAnswer:
        raise HubUnavailableError("down")


class FakeContents:
    """A workspace in memory; `files` is what stands on the server's disk."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find_file(self, path: str) -> FileModel | None:
        contents_path(path)
        if path in self.files:
            return FileModel(path=path, size=len(self.files[path]), modified_at=STARTED_AT, is_folder=False)
        if not path or any(name.startswith(f"{path}/") for name in self.files):
            return FileModel(path=path, size=0, modified_at=STARTED_AT, is_folder=True)
        return None

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
        contents_path(folder)
        names = sorted(name for name in self.files if not folder or name.startswith(f"{folder}/"))
        if len(names) > max_files:
            raise ServerAnswerError(f"more than {max_files} files", reason="too_many_files")
        if any(name.removeprefix(folder).strip("/").count("/") >= max_depth for name in names):
            raise ServerAnswerError(f"folders nested deeper than {max_depth}", reason="too_deep")
        kept = [name for name in names if is_safe_path(name)]
        refused = [show_name(name) for name in names if name not in kept]
        return Listing([file for name in kept if (file := self.find_file(name)) is not None], refused)

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        contents_path(path)
        if path not in self.files:
            raise ServerAnswerError(path, reason="file_missing")
        if len(self.files[path]) > max_bytes:
            raise ServerAnswerError(f"{path}: more than {max_bytes} bytes", reason="file_too_large")
        return self.files[path]

    def create_file(self, path: str, content: bytes) -> bool:
        if self.find_file(path) is not None:
            return False
        self._write(path, content)
        return True

    def replace_file(self, path: str, content: bytes) -> None:
        self._check_is_no_folder(path)
        self._write(path, content)

    def delete_file(self, path: str) -> None:
        self._check_is_no_folder(path)
        self.files.pop(path, None)

    def _check_is_no_folder(self, path: str) -> None:
        found = self.find_file(path)
        if found is not None and found.is_folder:
            raise ServerAnswerError(f"{path} is a folder", reason="file_refused")

    def _write(self, path: str, content: bytes) -> None:
        if any(str(folder) in self.files for folder in PurePosixPath(path).parents):
            raise ServerAnswerError(f"PUT {path}: 400", reason="file_refused")
        self.files[path] = content


class FakeServer(FakeContents):
    """A learner's server: its workspace, `kernels` that it says it runs, and the `notices` it was given."""

    def __init__(
        self, files: Mapping[str, bytes] | None = None, kernels: Iterable[KernelModel] | None = None
    ) -> None:
        super().__init__(files)
        self.kernels = list(kernels or ())
        self.notices: list[dict[str, object]] = []

    def list_kernels(self) -> list[KernelModel]:
        return list(self.kernels)

    def put_notice(self, notice: Mapping[str, object]) -> None:
        self.notices.append(dict(notice))


class SilentContents(FakeServer):
    """A server that never answers."""

    def find_file(self, path: str) -> FileModel | None:
        raise ServerAnswerError("too slow", reason="answer_too_slow")

    def list_files(self, folder: str, *, max_files: int, max_depth: int) -> Listing:
        raise ServerAnswerError("too slow", reason="answer_too_slow")

    def read_file(self, path: str, *, max_bytes: int) -> bytes:
        raise ServerAnswerError("too slow", reason="answer_too_slow")

    def create_file(self, path: str, content: bytes) -> bool:
        raise ServerAnswerError("too slow", reason="answer_too_slow")

    def replace_file(self, path: str, content: bytes) -> None:
        raise ServerAnswerError("too slow", reason="answer_too_slow")

    def delete_file(self, path: str) -> None:
        raise ServerAnswerError("too slow", reason="answer_too_slow")

    def list_kernels(self) -> list[KernelModel]:
        raise ServerAnswerError("too slow", reason="answer_too_slow")

    def put_notice(self, notice: Mapping[str, object]) -> None:
        raise ServerAnswerError("too slow", reason="answer_too_slow")
