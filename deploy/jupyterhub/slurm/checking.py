"""What a submission may say to Slurm, checked once more before it is written down."""

import re
from collections.abc import Sequence

from deploy.jupyterhub.slurm.jobs import JobRequest
from deploy.jupyterhub.slurm.scheduler import SubmitRefusedError

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
GRES = re.compile(r"gpu(?::[A-Za-z0-9][A-Za-z0-9_.-]{0,31})?:[1-9]\d{0,2}")
JOB_ID = re.compile(r"[1-9]\d{0,18}")
DIRECTIVE = re.compile(r"^\s*#(?:SBATCH|PBS|BSUB)\b", re.MULTILINE | re.IGNORECASE)


def submit_options(job: JobRequest) -> list[str]:
    """sbatch's options for a job, each `--name=value`. Raises SubmitRefusedError for a value that no site has."""
    needed = {"job-name": job.name, "partition": job.partition}
    optional = {"account": job.account, "qos": job.qos, "reservation": job.reservation}
    for name, value in (needed | {key: value for key, value in optional.items() if value}).items():
        check(NAME, value, name)
    if job.gres:
        check(GRES, job.gres, "gres")
    if not (0 < job.cores <= 4096 and 0 < job.memory_gb <= 65536 and 0 < job.minutes <= 60 * 24 * 31):
        raise SubmitRefusedError("cores, memory or minutes out of bounds", reason="submit_refused")
    values = {
        **needed,
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": str(job.cores),
        "mem": f"{job.memory_gb}G",
        "time": str(job.minutes),
        "gres": job.gres,
        **optional,
        "input": "/dev/null",
        "output": "/dev/null",
        "error": "/dev/null",
        "chdir": "/",
        "export": "NIL",
        "mail-type": "NONE",
        "propagate": "NONE",  # the hub's own limits are no learner's
    }
    return ["--no-requeue", *(f"--{name}={value}" for name, value in values.items() if value)]


def check(pattern: re.Pattern[str], value: str, what: str) -> str:
    if pattern.fullmatch(value) is None:
        raise SubmitRefusedError(f"{what} is not written as Slurm's are", reason="submit_refused")
    return value


def check_script(script: str) -> str:
    """A script says nothing to Slurm by itself; what it may ask for was checked and stands in the options."""
    if not script.startswith("#!/") or "\0" in script or DIRECTIVE.search(script):
        raise SubmitRefusedError("the script is none, or speaks to Slurm", reason="submit_refused")
    return script


def names(values: Sequence[str]) -> str:
    return ",".join(check(NAME, value, "name") for value in values)


def wanted(partitions: Sequence[str]) -> list[str]:
    return [f"--partition={names(partitions)}"]
