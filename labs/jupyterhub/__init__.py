"""What Paja says to a JupyterHub and to a learner's own server; knows neither models nor settings."""

from labs.jupyterhub.client import HubClient
from labs.jupyterhub.contents import ContentsClient, Listing
from labs.jupyterhub.exchange import TimedTransport
from labs.jupyterhub.remote_box import RemoteBox
from labs.jupyterhub.runner import RunnerAnswer, RunnerClient
from labs.jupyterhub.server import ServerClient
from labs.jupyterhub.wire import FileModel, KernelModel, ServerModel, ServerToken

__all__ = [
    "ContentsClient",
    "FileModel",
    "HubClient",
    "KernelModel",
    "Listing",
    "RemoteBox",
    "RunnerAnswer",
    "RunnerClient",
    "ServerClient",
    "ServerModel",
    "ServerToken",
    "TimedTransport",
]
