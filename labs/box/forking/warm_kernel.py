"""IPython's kernel in two halves: what is the same for every box, before the fork, and the rest behind it."""

import os
from collections.abc import Sequence
from typing import Any


def build(arguments: Sequence[str]) -> Any:
    """The kernel's application and its shell, up to but not including anything that a box has of its own."""
    from ipykernel.compiler import XCachingCompiler
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell

    app: Any = IPKernelApp.instance()
    _get_base().initialize(app, list(arguments))
    app.init_pdb()
    # What is drawn goes into the notebook. Libraries look at this when they are imported.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    # The kernel asks for the instance of this class, and takes the one that there is.
    ZMQInteractiveShell.instance(
        config=app.config,
        profile_dir=app.profile_dir,
        user_ns=app.user_ns,
        compiler_class=XCachingCompiler,
    )
    return app


def start(app: Any, connection_file: str) -> None:
    """Bind the sockets, start the threads and the kernel; it serves from `app.start()` on."""
    app.connection_file = connection_file
    base, own = _get_base(), type(app)
    initialize, init_pdb = base.initialize, own.init_pdb
    # Both were done before the fork; all the rest is done in the order of this version of ipykernel.
    base.initialize = own.init_pdb = lambda *_: None
    try:
        app.initialize([])
    finally:
        base.initialize, own.init_pdb = initialize, init_pdb
    app.shell.parent = app.shell.kernel = app.kernel


def _get_base() -> Any:
    from IPython.core.application import BaseIPythonApplication

    return BaseIPythonApplication
