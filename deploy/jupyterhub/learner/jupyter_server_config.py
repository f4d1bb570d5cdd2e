"""What a learner's own Jupyter server is told; it lies read-only in /etc/jupyter of the session."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821

# Only what a lab needs: each extension costs start time, and a terminal is one more way to be lost.
c.ServerApp.jpserver_extensions = {
    "jupyterlab": True,
    "notebook": True,
    "jupyter_lsp": False,
    "jupyter_server_terminals": False,
    "notebook_shim": False,
}
c.ServerApp.terminals_enabled = False
c.ServerApp.root_dir = "/home/learner"
c.ServerApp.open_browser = False

# Nothing is fetched from elsewhere: no news, no updates, no extensions.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.LabApp.collaborative = False

# Kernels talk over sockets in the session's own /tmp, not over loopback ports that others share.
c.KernelManager.transport = "ipc"
