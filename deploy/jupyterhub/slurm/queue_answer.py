"""What Paja is told of Slurm: everything at once, small, made once for each answer of Slurm's."""

import json
from datetime import datetime
from typing import Any, Final

from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.job_views import JobView
from deploy.jupyterhub.slurm.jobs import PartitionState, Reservation
from deploy.jupyterhub.slurm.partitions import Flavour, Partition
from deploy.jupyterhub.slurm.unix_accounts import list_kinds, list_offered
from deploy.jupyterhub.slurm.watching import QueueWatch

JOBS_MOST: Final = 5000
ENDED_MOST: Final = 1000
RESERVATIONS_MOST: Final = 50
ACCOUNTS_MOST: Final = 50
WORD_MOST: Final = 32
REASON_MOST: Final = 128


class QueueAnswer:
    """The JSON of a watch. What is the same for everybody who asks is made once until something has changed."""

    def __init__(self, watch: QueueWatch) -> None:
        self._watch = watch
        self._revision = -1
        self._text = ""

    def render(self, since: datetime | None) -> str:
        """The answer, with the jobs whose ending was learnt after `since`; `ended_until` is to be the next one."""
        watch = self._watch
        if self._revision != watch.revision:
            self._text, self._revision = json.dumps(self._common()), watch.revision
        ended = watch.list_ended(since, ENDED_MOST)
        learnt = [job.ending.learnt_at for job in ended if job.ending]
        until = learnt[-1] if len(ended) == ENDED_MOST else max([watch.read_until, *learnt])
        own = {"ended": [ended_model(job) for job in ended], "ended_until": until.isoformat()}
        return f"{self._text[:-1]}, {json.dumps(own)[1:]}"

    def _common(self) -> dict[str, Any]:
        watch = self._watch
        # Before the first answer nothing is known of any job, whatever was known to the hub before.
        jobs = watch.list_open()[:JOBS_MOST] if watch.answered_at else []
        return {
            "scheduler": "slurm",
            "answered_at": moment(watch.answered_at),
            "is_answering": watch.is_answering,
            "pace_seconds": watch.pace_seconds,
            "questions": watch.questions,
            "jobs": [job_model(job) for job in jobs],
            "refused": [{**told.body, "at": moment(told.at)} for told in watch.list_told("refused")],
            "partitions": self._partitions() if watch.answers.partitions_at else [],
            **account_models(watch.factory),
            "checks": [{**told.body, "at": moment(told.at)} for told in watch.list_told("checked")],
        }

    def _partitions(self) -> list[dict[str, Any]]:
        states = {state.name: state for state in self._watch.answers.partitions}
        return [
            self._partition_model(each, states[each.name])
            for each in self._watch.factory.partitions
            if each.name in states
        ]

    def _partition_model(self, partition: Partition, state: PartitionState) -> dict[str, Any]:
        answers, outlook = self._watch.answers, self._watch.outlook[partition.name]
        return {
            "name": partition.name,
            "is_up": state.is_up,
            "is_unconfirmed": partition.is_unconfirmed,
            "time_limit_minutes": state.time_limit_minutes,
            "nodes": {"total": state.nodes_total, "idle": state.nodes_idle, "down": state.nodes_down},
            "gpus": {"total": state.gpus_total, "used": state.gpus_used, "free": state.gpus_free},
            "jobs": {"pending": outlook.pending, "running": outlook.running},
            "reservations": [
                reservation_model(each)
                for each in answers.reservations
                if each.partition in {"", partition.name}
            ][:RESERVATIONS_MOST],
            "flavours": [
                flavour_model(each, position, outlook.waits.get(each.slug))
                for position, each in enumerate(partition.flavours)
            ],
        }


def job_model(job: JobView) -> dict[str, Any]:
    own = job.submission
    return {
        "job_id": job.job_id,
        "user": own.user,
        "server": own.server,
        "kind": own.kind,
        "state": job.state[:WORD_MOST],
        "reason": job.reason[:REASON_MOST],
        "place": job.place,
        "partition": own.partition,
        "flavour": own.flavour,
        "unix_account": own.unix_account,
        "gpus": own.gpus,
        "weight": own.weight,
        "submitted_at": moment(job.submitted_at),
        "started_at": moment(job.started_at),
        "expected_start_at": moment(job.expected_start_at),
        "ends_at": moment(job.ends_at),
    }


def ended_model(job: JobView) -> dict[str, Any]:
    ending = job.ending
    return {
        **job_model(job),
        "ended_at": moment(ending.ended_at) if ending else None,
        "exit_code": ending.exit_code if ending else None,
        "is_ended_by_hub": bool(ending and ending.is_by_hub),
        "cancelled_by_other": bool(ending and ending.is_by_other),
    }


def flavour_model(flavour: Flavour, position: int, wait: int | None) -> dict[str, Any]:
    return {
        "slug": flavour.slug,
        "position": position,
        "gpus": flavour.gpus,
        "gpu_name": flavour.gpu_name,
        "gpu_memory_gb": flavour.gpu_memory_gb,
        "is_slice": flavour.is_slice,
        "cores": flavour.cores,
        "memory_gb": flavour.memory_gb,
        "minutes_max": flavour.minutes_max,
        "weight": flavour.weight,
        "expected_wait_seconds": wait,
    }


def reservation_model(reservation: Reservation) -> dict[str, Any]:
    return {
        "name": reservation.name[:REASON_MOST],
        "starts_at": moment(reservation.starts_at),
        "ends_at": moment(reservation.ends_at),
        "nodes": len(reservation.nodes),
        "accounts": [name[:REASON_MOST] for name in reservation.accounts[:ACCOUNTS_MOST]],
        "is_maintenance": reservation.is_maintenance,
    }


def account_models(factory: FactoryFile) -> dict[str, Any]:
    """The Unix accounts that are lent, and the kinds of account that are offered; own ones are not listed."""
    lent = [
        {"name": account.name, "kind": account.kind.value, "is_shared": account.is_shared}
        for account in list_offered(factory)
    ]
    return {"unix_accounts": lent, "account_kinds": [kind.value for kind in list_kinds(factory)]}


def moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
