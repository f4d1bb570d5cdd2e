"""The fork server: imports once, then forks a kernel into each box that it is handed.

It is started by `server.py` with the interpreter of the learner's environment, in a bubblewrap without network. It
never reads anything of a box: a request is a byte and three descriptors, and what they lead to only the fork reads.
"""

import atexit
import ctypes
import gc
import importlib
import inspect
import itertools
import json
import os
import socket
import sys
import tempfile
import threading
import time
import traceback
from typing import Any

from labs.box import launch
from labs.box.forking import entering, holding, rehearsing, warm_kernel

FOLDER = "/tmp"  # noqa: S108 (the server's own)
# What only this program has imported, and no kernel has.
_OWN = ("labs", "gc", "resource")


def main() -> None:
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    settings = json.loads(control.recv(65536))
    try:
        app, held, left_out = _load(control, settings)
    except Exception:
        _tell(control, {"fault": traceback.format_exc()[-4000:]})
        return
    # What a kernel and its libraries make in an empty home, and count on later.
    settings["folders"] = [folder for folder, _, _ in os.walk(os.environ["HOME"])]
    _tell(control, {"is_ready": True, "left_out": left_out})
    _forget_this_program(held)
    # To show its first fault a kernel looks up every module's file, which takes half as long as its start.
    inspect.getmodule(main.__code__)
    gc.collect()
    gc.freeze()
    _serve(control, app, settings)


def _load(
    control: socket.socket, settings: dict[str, Any]
) -> tuple[Any, holding.HeldModules, dict[str, str]]:
    needs: dict[str, set[str]] = {}
    left_out: dict[str, str] = {}
    with holding.noted_imports(needs):
        app = warm_kernel.build(settings["arguments"])
        waiting, later = rehearsing.rehearse(app, FOLDER)
        for name in [*sorted(waiting | later), *settings["preload"]]:
            try:
                importlib.import_module(name)
            except Exception as error:
                if name in settings["preload"]:
                    left_out[name] = f"{type(error).__name__}: {error}"[:300]
                continue
            if name in settings["preload"]:
                # The worker looks whether this one has started threads, or shares memory with what is forked.
                _tell(control, {"imported": name})
                control.recv(1)
    kept = {holding.find_package(name) for name in waiting} | {"__main__", "sitecustomize"}
    return app, holding.HeldModules(kept, needs), left_out


def _forget_this_program(held: holding.HeldModules) -> None:
    """Leave the modules, the places and the names that a kernel of its own has."""
    for name in [name for name in sys.modules if holding.find_package(name) in _OWN]:
        del sys.modules[name]
    if held:
        sys.meta_path.insert(0, held)
    # A notebook's first file in /tmp gets its name from the numbers that the notebook sees.
    tempfile.tempdir = tempfile._name_sequence = None  # type: ignore[attr-defined]  # noqa: SLF001
    # The threads of a kernel are numbered from one, and those of its notebook behind them.
    threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]  # noqa: SLF001


def _tell(control: socket.socket, told: dict[str, Any]) -> None:
    control.send(json.dumps(told).encode())


def _serve(control: socket.socket, app: Any, settings: dict[str, Any]) -> None:
    # What it counts would tell a box how many there were before.
    gc.disable()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
        if not message:
            return
        pid = 0
        try:
            entering.set_process_namespace(descriptors[0])
            pid = os.fork()
            if pid == 0:
                _enter(app, settings, *descriptors)
        except OSError as error:
            sys.stderr.write(f"no fork for a box: {error}\n")
        finally:
            if pid:
                os.waitpid(pid, 0)
            for descriptor in descriptors:
                os.close(descriptor)


def _enter(app: Any, settings: dict[str, Any], box: int, orders: int, errors: int) -> None:
    """In the first fork, a process of the box: once more, so that the box's first process adopts the kernel."""
    status = 1
    try:
        entering.enter_namespaces(box, has_user_namespace=settings["has_user_namespace"])
        os.setsid()
        if os.fork() == 0:
            os.dup2(errors, 2)
            _become_kernel(app, settings, orders)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _become_kernel(app: Any, settings: dict[str, Any], descriptor: int) -> None:
    # The process between has the server's rights, and the server waits for its end: nothing of a learner meets it.
    while os.getppid() != 1:
        time.sleep(0.001)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    entering.become_readable()
    entering.close_descriptors([descriptor])
    line = socket.socket(fileno=descriptor)
    # The worker puts this process under the box's limits before it answers.
    own = os.pidfd_open(os.getpid())
    socket.send_fds(line, [b"here"], [own])
    os.close(own)
    with line.makefile("rb") as stream:
        orders = json.loads(stream.readline())
        filter_program = stream.read(orders["filter_size"])
        launch.settle(orders, stream)
    entering.become_readable()
    entering.load_filter(filter_program)
    os.environ.update(orders["variables"])
    _name_after(orders["command"])
    for folder in settings["folders"]:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    warm_kernel.start(app, orders["connection_file"])
    # As every kernel is asked to, and by the shell: it draws numbers itself for its first cell.
    app.shell.run_cell(orders["seeds"], store_history=False, silent=True)
    line.send(b"bound")
    line.close()
    del orders, stream, line, filter_program
    gc.collect()
    gc.enable()
    try:
        app.start()
    finally:
        # As an interpreter ends that nobody forked.
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
        atexit._run_exitfuncs()  # noqa: SLF001


def _name_after(command: list[str]) -> None:
    """Look like the program that a kernel of its own would be."""
    sys.argv[:] = [command[1], *command[3:]]
    sys.orig_argv[:] = command
    ctypes.CDLL(None).prctl(15, b"python", 0, 0, 0)  # PR_SET_NAME


if __name__ == "__main__":
    main()
