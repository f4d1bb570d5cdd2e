"""Starts JupyterHub's single-user server without what a lab never uses; runs in the lab environment.

Of the stock start, about half is imports that serve no learner. They are kept out here, by name, before
anything of Jupyter is imported; a new version of Jupyter that needs one of them fails in the test that
starts a server, not silently.
"""

import os
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


class HealthCheckHandler:
    """The one name that JupyterHub's log module takes from the hub's pages; no handler here is ever one."""


class DatabaseError(Exception):
    """What the hub's utilities would catch from its database, which is not here."""


def keep_out() -> None:
    # Checks of addresses and durations in JSON schemas, which jsonschema does without: building the grammar of the
    # first takes over a second. Our own lock leaves that one out; a factory's environment may have it.
    for name in ("rfc3987_syntax", "rfc3986_validator", "isoduration"):
        sys.modules[name] = None  # type: ignore[assignment]
    # The hub's own pages, and with them its database layer.
    pages = ModuleType("jupyterhub.handlers.pages")
    pages.HealthCheckHandler = HealthCheckHandler  # type: ignore[attr-defined]
    for module in (ModuleType("jupyterhub.handlers"), pages, ModuleType("jupyterhub.orm")):
        sys.modules[module.__name__] = module
    # The hub's roles and utilities name its database; whoever else here needs one gets the real thing.
    database, faults = ModuleType("sqlalchemy"), ModuleType("sqlalchemy.exc")
    database.func = None  # type: ignore[attr-defined]
    faults.SQLAlchemyError = DatabaseError  # type: ignore[attr-defined]
    without = {module.__name__: module for module in (database, faults)}
    sys.modules.update(without)
    import jupyterhub.scopes
    import jupyterhub.utils  # noqa: F401

    for name in without:
        del sys.modules[name]
    # JupyterLab asks Node, where there is one, for the registry to build extensions from: none is built here.
    from jupyterlab import commands  # type: ignore[import-untyped]

    commands._yarn_config = lambda _logger: {"yarn config": {}, "npm config": {}}  # noqa: SLF001


def take_listener() -> None:
    """Serve on the socket that was opened before this program, where there is one, instead of opening another.

    On a node that learners share, a port that is free for a moment could be taken by another person's program,
    to which the hub would then send this learner's browser.
    """
    descriptor = os.environ.pop("PAJA_LISTEN_FD", "")
    if not descriptor:
        return
    from jupyter_server import serverapp
    from tornado import tcpserver

    def bind_sockets(*_asked: Any, **_named: Any) -> list[socket.socket]:
        listener = socket.socket(fileno=os.dup(int(descriptor)))
        listener.setblocking(False)
        return [listener]

    for module in (serverapp, tcpserver):
        module.__dict__["bind_sockets"] = bind_sockets


if __name__ == "__main__":
    keep_out()
    take_listener()
    sys.path.append(str(Path(__file__).parent))  # our own modules beside this one; kernels do not inherit it
    import paja_hub_auth  # type: ignore[import-not-found]
    from jupyterhub.singleuser import main

    paja_hub_auth.remember_answers()
    paja_hub_auth.take_sign_outs()
    sys.exit(main())
