"""What Paja says to a JupyterHub and to a learner's own server; knows neither models nor settings."""

from labs.jupyterhub.client import HubClient
from labs.jupyterhub.contents import ContentsClient, Listing
from labs.jupyterhub.exchange import TimedTransport
from labs.jupyterhub.queue_wire import (
    CheckModel,
    FlavourModel,
    JobModel,
    PartitionModel,
    QueueAnswer,
    RefusalModel,
    ReservationModel,
    UnixAccountModel,
)
from labs.jupyterhub.remote_box import RemoteBox
from labs.jupyterhub.runner import RunnerAnswer, RunnerClient
from labs.jupyterhub.server import ServerClient
from labs.jupyterhub.wire import FileModel, KernelModel, ServerModel, ServerToken

__all__ = [
    "CheckModel",
    "ContentsClient",
    "FileModel",
    "FlavourModel",
    "HubClient",
    "JobModel",
    "KernelModel",
    "Listing",
    "PartitionModel",
    "QueueAnswer",
    "RefusalModel",
    "RemoteBox",
    "ReservationModel",
    "RunnerAnswer",
    "RunnerClient",
    "ServerClient",
    "ServerModel",
    "ServerToken",
    "TimedTransport",
    "UnixAccountModel",
]
