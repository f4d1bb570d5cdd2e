"""What Paja says to a JupyterHub and to a learner's own server; knows neither models nor settings."""

from labs.jupyterhub.client import HubClient
from labs.jupyterhub.contents import ContentsClient
from labs.jupyterhub.wire import FileModel, ServerModel, ServerToken

__all__ = ["ContentsClient", "FileModel", "HubClient", "ServerModel", "ServerToken"]
