"""What a lab may ask for beyond notebooks, and what that means to Jupyter; runs in the lab environment.

A session has none of these: each costs start time, and a terminal is one more way to be lost. The spawner has
checked what was asked for (`tools` of `user_options`) and says it in PAJA_LAB_TOOLS.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

PageConfig = dict[str, Any]
ALWAYS = frozenset({"jupyterlab", "notebook", "paja_notice", "jupyterhub.singleuser.extension"})
DISABLED = "disabledExtensions"
FEDERATED = "federated_extensions"


@dataclass(frozen=True)
class Tool:
    """`server` are extensions of the Jupyter server; `plugins` of JupyterLab's own and `federated` ones beside it.

    `never` are parts of what is federated that stay off also where the tool is asked for.
    """

    server: frozenset[str] = frozenset()
    plugins: frozenset[str] = frozenset()
    federated: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()


TOOLS = {
    "terminal": Tool(
        server=frozenset({"jupyter_server_terminals"}),
        plugins=frozenset({"@jupyterlab/terminal-extension", "@jupyter-notebook/terminal-extension"}),
    ),
    "language-server": Tool(
        server=frozenset({"jupyter_lsp"}),
        plugins=frozenset(
            {
                "@jupyterlab/lsp-extension",
                "@jupyterlab/fileeditor-extension:language-server",
                "@jupyterlab/notebook-extension:language-server",
            }
        ),
    ),
    # The panel alone: assignments are listed, handed in, checked and graded by Paja.
    "create-assignment": Tool(
        federated=frozenset({"@jupyter/nbgrader"}),
        never=frozenset(
            f"@jupyter/nbgrader:{part}"
            for part in ("assignment-list", "course-list", "formgrader", "validate-assignment")
        ),
    ),
}


def asked_tools() -> frozenset[str]:
    return frozenset(os.environ.get("PAJA_LAB_TOOLS", "").split())


def server_extensions(installed: Iterable[str], asked: frozenset[str]) -> dict[str, bool]:
    """Which of the Jupyter server's extensions are loaded: ours and those asked for, whatever else is installed."""
    wanted = ALWAYS.union(*(TOOLS[name].server for name in asked & TOOLS.keys()))
    return {name: name in wanted for name in {*installed, *wanted} - {"jupyterhub.singleuser.extension"}}


def narrow_page(page: PageConfig, asked: frozenset[str]) -> PageConfig:
    """What JupyterLab or Notebook 7 is told to load, less the tools that nobody asked for."""
    off = [tool for name, tool in TOOLS.items() if name not in asked]
    federated = frozenset().union(*(tool.federated for tool in off))
    disabled = frozenset().union(*(tool.plugins for tool in off), *(tool.never for tool in TOOLS.values()))
    return {
        **page,
        FEDERATED: [extension for extension in page[FEDERATED] if extension["name"] not in federated],
        DISABLED: sorted({*page[DISABLED], *disabled}),
    }


def narrow_pages(
    hook: Callable[[object, PageConfig], PageConfig] | None, asked: frozenset[str]
) -> Callable[[object, PageConfig], PageConfig]:
    """The `page_config_hook` of the server's settings, put behind the one that is there."""

    def narrow(handler: object, page: PageConfig) -> PageConfig:
        return narrow_page(hook(handler, page) if hook else page, asked)

    return narrow
