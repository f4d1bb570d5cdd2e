"""What a learner's own Jupyter server is told; in /etc/jupyter of a sandbox, else where JUPYTER_CONFIG_PATH says."""

import os
from pathlib import Path

from jupyter_core.paths import jupyter_config_path
from jupyter_server.extension.config import ExtensionConfigManager
from paja_tools import asked_tools, server_extensions  # type: ignore[import-not-found]

c = get_config()  # type: ignore[name-defined]  # noqa: F821

# Only what a lab needs, whatever the environment brings: each extension costs start time.
asked = asked_tools()
installed = ExtensionConfigManager(read_config_path=jupyter_config_path()).get_jpserver_extensions()  # type: ignore[no-untyped-call]
c.ServerApp.jpserver_extensions = server_extensions(installed, asked)
c.ServerApp.terminals_enabled = "terminal" in asked
c.ServerApp.root_dir = os.environ.get("PAJA_LAB_ROOT", "/home/learner")
c.ServerApp.open_browser = False
# Nobody can reach a trash folder from JupyterLab; what was deleted comes back from the versions that Paja saved.
c.FileContentsManager.delete_to_trash = False

# Paja's own part of JupyterLab and Notebook 7.
c.LabApp.extra_labextensions_path = [str(Path(__file__).parent / "labextensions")]
c.JupyterNotebookApp.extra_labextensions_path = [str(Path(__file__).parent / "labextensions")]

# Nothing is fetched from elsewhere: no news, no updates, no extensions.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.LabApp.collaborative = False

# Kernels talk over sockets in a folder of the session's own, not over loopback ports that others share.
c.KernelManager.transport = "ipc"
