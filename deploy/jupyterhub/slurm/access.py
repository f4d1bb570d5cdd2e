"""Which way to its batch system a factory's file names, and the Scheduler for it."""

from pathlib import Path

from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.firecrest import FirecrestScheduler
from deploy.jupyterhub.slurm.local import LocalSlurm
from deploy.jupyterhub.slurm.scheduler import Scheduler


def open_scheduler(file: FactoryFile) -> Scheduler:
    """Raises OSError where the file with FirecREST's secret cannot be read."""
    partitions = [partition.name for partition in file.partitions]
    prefix = f"{file.job_prefix}-"
    if file.access == "firecrest" and file.firecrest is not None:
        return FirecrestScheduler(
            url=file.firecrest.url,
            system=file.firecrest.system,
            token_url=file.firecrest.token_url,
            client_id=file.firecrest.client_id,
            client_secret=Path(file.firecrest.client_secret_file).read_text(encoding="utf-8").strip(),
            unix_account=file.unix.robot.name if file.unix.robot else "",
            partitions=partitions,
            prefix=prefix,
        )
    return LocalSlurm(
        partitions=partitions,
        prefix=prefix,
        conf=file.conf,
        become=file.unix.become,
        accounts=file.accounts,
    )
