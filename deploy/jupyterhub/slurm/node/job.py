"""A session's job on its node: makes the account ready, tells the hub its port, becomes the learner's server.

The second part of the batch script, after `cleaning.py`; one line of JSON stands behind it. The standard library
only, no shell. It runs as the learner's Unix account, whose code may do later whatever this may.
"""

import contextlib
import json
import os
import pwd
import socket
import stat
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from deploy.jupyterhub.slurm.node.cleaning import (
    LOCK_NAME,
    SHARED_PLACES,
    JobError,
    clean,
    discard,
    is_locked_by_us,
    locked,
)

ROOT_NAME = "paja"  # in the home: all that is ours
CODE_FOLDER = ".paja"  # which the account's owner makes, with a file `code`
CODE_BYTES_MAX = 64
KEPT_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HIP_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "ROCR_VISIBLE_DEVICES",
    "SLURM_CPUS_ON_NODE",
    "SLURM_JOB_ID",
    "SLURM_JOB_PARTITION",
    "SLURM_MEM_PER_NODE",
    "ZE_AFFINITY_MASK",
)
TELL_SECONDS = 15 * 60  # a hub that is restarted, or its machine
STALE_SECONDS = 60
Order = dict[str, Any]


def main(order: Order) -> None:
    os.umask(0o077)
    account = pwd.getpwuid(os.getuid())
    home = Path(account.pw_dir)
    if order["kind"] == "check" and (fault := find_code_fault(home, order["code"])):
        # Nothing was written, and nothing will be: this may be the home of somebody who knows nothing of it.
        tell_hub(order, {"checked": False, "reason": fault})
        return
    if order["cleans_for"]:
        home.chmod(0o700)
        with locked(home / LOCK_NAME):
            clean(home, order["cleans_for"])
    ours = home / ROOT_NAME
    root = ours / order["folder"]
    root.mkdir(parents=True, exist_ok=True)
    ours.chmod(
        0o700
    )  # learners on one node must not read each other's files; a home of one's own is one's own
    if order["kind"] == "check":
        tell_hub(order, {"checked": True})
        return
    runtime = make_runtime()
    listener = listen(order["listen"])
    port = listener.getsockname()[1]
    tell_hub(order, {"port": port})
    become_server(order, account, root, runtime, listener, port)


def find_code_fault(home: Path, code: str) -> str:
    """Why the account's owner has not said that whoever asks for the check is them; empty where they have, or need not.

    They say it in a file that they alone can have written: theirs, no link, in a folder of theirs.
    """
    if not code:
        return ""
    try:
        folder = os.open(home / CODE_FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return "code_missing"
    except OSError:
        return "code_wrong"
    try:
        return "" if is_ours_alone(folder) and read_code(folder) == code else "code_wrong"
    except FileNotFoundError:
        return "code_missing"
    except OSError:
        return "code_wrong"
    finally:
        os.close(folder)


def read_code(folder: int) -> str:
    """The one word of the file; empty for a file that somebody else may have had a hand in."""
    descriptor = os.open("code", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not is_ours_alone(descriptor):
            return ""
        content = os.read(descriptor, CODE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    return content.decode("ascii", "replace").strip() if len(content) <= CODE_BYTES_MAX else ""


def is_ours_alone(descriptor: int) -> bool:
    """Whether it is this account's, and nobody else may write to it."""
    status = os.fstat(descriptor)
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def make_runtime() -> Path:
    """A folder for this session's sockets and temporary files, which nobody else can enter.

    Those of sessions that were killed are removed: a lock in it is held for as long as a session lives.
    """
    place = Path(SHARED_PLACES[0])
    for path in place.glob("paja-*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == os.getuid() and is_stale(path):
                discard(path)
    runtime = Path(tempfile.mkdtemp(prefix="paja-", dir=place))
    lock = os.open(runtime / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    is_locked_by_us(lock)
    os.set_inheritable(lock, True)
    (runtime / "tmp").mkdir()
    return runtime


def is_stale(runtime: Path) -> bool:
    if time.time() - runtime.lstat().st_mtime < STALE_SECONDS:
        return False
    lock = os.open(runtime / "lock", os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return is_locked_by_us(lock)
    finally:
        os.close(lock)


def listen(address: str) -> socket.socket:
    """A port of this node that is ours from now on: nobody can take it between this and the server's start."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family, backlog=128)


def tell_hub(order: Order, body: dict[str, object]) -> None:
    """Post to the hub until it has heard it; a hub that is away or does not know yet that the job runs is asked on."""
    question = urllib.request.Request(  # noqa: S310  (the factory's own address)
        f"{order['hub_api_url']}/paja/listening",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"token {order['environment']['JUPYTERHUB_API_TOKEN']}",
            "Content-Type": "application/json",
        },
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + TELL_SECONDS
    while time.monotonic() < deadline:
        pause = 1.0
        try:
            with opener.open(question, timeout=10):
                return
        except urllib.error.HTTPError as error:
            if error.code == 400:
                raise JobError("the hub does not understand this job") from error
        except OSError:
            pause = 3.0
        time.sleep(pause)
    raise JobError("the hub does not answer")


def become_server(
    order: Order, account: pwd.struct_passwd, root: Path, runtime: Path, listener: socket.socket, port: int
) -> None:
    """Never returns: this process is the learner's server from now on."""
    environment = server_environment(order, account, root, runtime, port)
    listener.set_inheritable(True)
    environment["PAJA_LISTEN_FD"] = str(listener.fileno())
    log = os.open(runtime / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.chdir(root)
    places = {"{root}": str(root), "{runtime}": str(runtime)}
    argv = [places.get(word, word) for word in order["argv"]]
    os.execve(argv[0], argv, environment)  # noqa: S606  (no shell is what is wanted)


def server_environment(
    order: Order, account: pwd.struct_passwd, root: Path, runtime: Path, port: int
) -> dict[str, str]:
    host = f"[{order['listen']}]" if ":" in order["listen"] else order["listen"]
    told: dict[str, str] = order["environment"]
    return {
        **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "TMPDIR": str(runtime / "tmp"),
        "IPYTHONDIR": str(root / ".ipython"),
        "JUPYTER_CONFIG_DIR": str(root / ".jupyter"),
        "JUPYTER_DATA_DIR": str(root / ".local/share/jupyter"),
        "JUPYTER_RUNTIME_DIR": str(runtime / "jupyter"),
        "PAJA_LAB_ROOT": str(root),
        **told,
        "JUPYTERHUB_SERVICE_URL": f"http://{host}:{port}{told['JUPYTERHUB_SERVICE_PREFIX']}",
    }
