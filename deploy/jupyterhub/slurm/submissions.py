"""What holds an account still, waiting for one of several things, taking a submission back that nobody waits for."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from deploy.jupyterhub.slurm.scheduler import Scheduler, SchedulerUnavailableError
from deploy.jupyterhub.slurm.unix_accounts import Holder, list_offered
from deploy.jupyterhub.slurm.watching import QueueWatch

LOOK_SECONDS: Final = 5.0  # also where a change was missed


async def wait_first(*events: Any, seconds: float = LOOK_SECONDS) -> None:
    """Until one of these coroutines is done, at most so long; the others are given up."""
    tasks = [asyncio.ensure_future(event) for event in events]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


_cancelling: set[asyncio.Future[None]] = set()  # else they might be collected before they are done


def cancel_submitted(done: asyncio.Future[str], scheduler: Scheduler, unix_account: str) -> None:
    """Take back a job whose server is no longer wanted; one whose answer was lost is nobody's, and is swept."""
    if done.cancelled() or done.exception() is not None:
        return
    cancelling = asyncio.ensure_future(cancel_once(scheduler, done.result(), unix_account))
    _cancelling.add(cancelling)
    cancelling.add_done_callback(_cancelling.discard)


async def cancel_once(scheduler: Scheduler, job_id: str, unix_account: str) -> None:
    try:
        await scheduler.cancel([(job_id, unix_account)])
    except SchedulerUnavailableError:
        return


@dataclass(frozen=True)
class Foreign:
    """In an account and nobody's as far as is known: somebody else's than whoever asks."""

    unix_account: str
    user: str = ""
    kind: str = ""


def list_holders(watch: QueueWatch) -> list[Holder]:
    """Who is in an account as long as Slurm has not let go of their job, also while that ends on its nodes.

    Jobs that the hub has not submitted are in an account too where it is lent; the search for orphans ends them.
    """
    lent = {account.name for account in list_offered(watch.factory)}
    foreign = [*watch.list_intruders(), *watch.list_strangers()]
    return [
        *(job.submission for job in (*watch.list_live(), *watch.book.list_leaving())),
        *(Foreign(job.user) for job in foreign if job.user in lent),
    ]


def is_gone(watch: QueueWatch, job_name: str) -> bool:
    job = watch.find(job_name)
    if job is None or job.is_live:
        return False
    return all(leaving.job_id != job.job_id for leaving in watch.book.list_leaving())
