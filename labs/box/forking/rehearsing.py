"""A kernel that is forked, started and asked before any learner's: what it imports meanwhile is imported ahead.

It runs in the server, with ipykernel as the environment has it.
"""

import json
import os
import sys
import threading
import traceback
from typing import Any

from labs.box.forking import warm_kernel

# What notebooks do first: results, words, pictures and faults of several kinds.
CELLS = (
    "1 + 1",
    "print('a word')\nimport sys\nprint('another', file=sys.stderr)",
    "from IPython.display import display, HTML, Markdown\ndisplay(HTML('<b>x</b>'), Markdown('x'))\nHTML('<i>x</i>')",
    "def divide():\n    return 1 / 0\n\ndivide()",
    "def broken(:",
    "import warnings\nwarnings.warn('careful')\nassert 1 == 2, 'no'",
    "%time 1",
    "!true",
    "try:\n    undefined\nexcept NameError:\n    raise ValueError('again')",
    "await __import__('asyncio').sleep(0)",
)


def rehearse(app: Any, folder: str) -> tuple[set[str], set[str]]:
    """The modules of a kernel that waits for its first cell, and those that its first cells load on top.

    Raises RuntimeError, with what the kernel said, where none comes up.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read_end)
            _perform(app, folder, write_end)
        except BaseException:
            os.write(write_end, json.dumps({"fault": traceback.format_exc()[-2000:]}).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as pipe:  # noqa: PTH123
        told = json.loads(pipe.read() or b"{}")
    os.waitpid(pid, 0)
    if "waiting" not in told:
        raise RuntimeError(f"no kernel comes up behind a fork: {told.get('fault', 'it died')}")
    return set(told["waiting"]), set(told["after"]) - set(told["waiting"])


def _perform(app: Any, folder: str, write_end: int) -> None:
    import zmq
    from jupyter_client.session import Session

    key, place = "rehearsal", f"{folder}/rehearsal"
    ports = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
    connection = {**ports, "transport": "ipc", "ip": place, "key": key, "signature_scheme": "hmac-sha256"}
    with open(f"{place}.json", "w") as file:  # noqa: PTH123
        json.dump(connection, file)
    warm_kernel.start(app, f"{place}.json")
    waiting = sorted(sys.modules)

    def ask() -> None:
        session = Session(key=key.encode())
        socket = zmq.Context().socket(zmq.DEALER)
        socket.connect(f"ipc://{place}-1")
        for cell in CELLS:
            session.send(socket, "execute_request", {"code": cell, "silent": False, "store_history": True})
            if not socket.poll(30_000):
                break
            socket.recv_multipart()
        told = json.dumps({"waiting": waiting, "after": sorted(sys.modules)}).encode()
        with open(write_end, "wb") as pipe:
            pipe.write(told)
        os._exit(0)

    threading.Thread(target=ask, daemon=True).start()
    app.start()
