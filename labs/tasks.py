"""The Celery tasks of labs: each loads by id, calls one function of `work` and queues what follows."""

from collections import Counter
from typing import Final

from celery import shared_task
from django.utils import timezone

from labs.publishing import count_messages, publish
from labs.work import (
    checking_accounts,
    checking_drafts,
    collecting,
    delivering,
    drafting,
    grading,
    new_files,
    pruning,
    reconciling,
    releasing,
    signing_out,
    spawning,
    telling_learners,
    tending_graders,
    visiting,
)

MOST_WAKE_UPS: Final = 50
"""Of those that no worker has taken. One that is awake grades on by itself, so that these do for as many workers."""


def hub_queue(factory: str) -> str:
    """For what asks a factory's hub and nothing else."""
    return f"spawning.{factory}"


def server_queue(factory: str) -> str:
    """For what talks to the learners' servers of a factory, which may answer slowly on purpose."""
    return f"visiting.{factory}"


def grading_queue(factory: str) -> str:
    """For runs in the box of a worker's host; with a factory for those that its grader runs."""
    return f"grading.{factory}" if factory else "grading"


def send_start(session_id: int, factory: str) -> None:
    publish(spawn_session, session_id, queue=hub_queue(factory))


def send_delivery(session_id: int, factory: str) -> None:
    publish(deliver_files, session_id, queue=server_queue(factory))


def send_visit(session_id: int, factory: str) -> None:
    """One that waits long is dropped: a session is not to be visited twice at once."""
    publish(visit_session, session_id, factory, queue=server_queue(factory), expires=10)


def send_stop(session_id: int, factory: str) -> None:
    publish(stop_session, session_id, queue=server_queue(factory))


def send_new_files(session_id: int, factory: str) -> None:
    publish(put_new_files, session_id, queue=server_queue(factory))


def send_collect(submission_id: int, factory: str) -> None:
    publish(collect_submission, submission_id, queue=server_queue(factory))


def send_grading(factory_slug: str = "") -> None:
    """Wake a worker: it takes the run whose turn it is, of that factory's graders or of none, and then others.

    One that waits long is dropped: sweeps send others.
    """
    publish(grade_next, factory_slug, queue=grading_queue(factory_slug), expires=60)


def wake_workers(factory_slug: str, count: int) -> None:
    """Wake so many, as far as no others are on their way: where no worker is, nothing must grow in the broker."""
    if count:
        room = MOST_WAKE_UPS - count_messages(grading_queue(factory_slug))
        for _ in range(min(count, room)):
            send_grading(factory_slug)


def send_draft_collect(draft_id: int, factory: str) -> None:
    publish(collect_draft, draft_id, queue=server_queue(factory))


def send_draft_check(draft_id: int) -> None:
    """As with a grading: a worker that hangs over a draft is killed."""
    publish(check_draft, draft_id, queue="grading", time_limit=checking_drafts.longest_seconds(draft_id))


def send_draft_release(draft_id: int) -> None:
    publish(release_draft, draft_id, queue="sweeping")


def send_sign_out(sign_out_id: int, factory: str) -> None:
    """One that waits until it is sent again is dropped: a hub that is down must not pile them up."""
    publish(sign_out, sign_out_id, queue=hub_queue(factory), expires=10)


def send_account_check(account_id: int, factory: str) -> None:
    """As with a sign-out: a hub that is down must not pile them up."""
    publish(check_account, account_id, queue=hub_queue(factory), expires=10)


@shared_task
def spawn_session(session_id: int) -> None:
    spawning.ensure_spawned(session_id)


@shared_task
def deliver_files(session_id: int) -> None:
    delivering.deliver_files(session_id)


@shared_task
def stop_session(session_id: int) -> None:
    spawning.ensure_stopped(session_id)


@shared_task
def visit_session(session_id: int, factory: str) -> None:
    if visiting.visit_session(session_id):
        send_stop(session_id, factory)


@shared_task
def reconcile_all_sessions() -> None:
    """A sweep for each hub that is due."""
    for hub_id, factory in reconciling.find_due_hubs(timezone.now()):
        publish(reconcile_sessions, hub_id, factory, queue="sweeping", expires=5)


@shared_task
def reconcile_sessions(hub_id: int, factory: str) -> None:
    sweep = reconciling.reconcile_sessions(hub_id)
    for send, session_ids in (
        (send_delivery, sweep.deliveries),
        (send_start, sweep.starts),
        (send_stop, sweep.stops),
        (send_visit, sweep.visits),
    ):
        for session_id in session_ids:
            send(session_id, factory)


@shared_task
def collect_submission(submission_id: int) -> None:
    run_id = collecting.collect_submission(submission_id)
    if run_id is not None:
        send_grading()


@shared_task
def reconcile_submissions() -> None:
    for submission_id, factory in collecting.claim_forgotten_submissions():
        send_collect(submission_id, factory)


@shared_task
def sign_out(sign_out_id: int) -> None:
    signing_out.sign_out(sign_out_id)


@shared_task
def reconcile_sign_outs() -> None:
    for sign_out_id, factory in signing_out.claim_forgotten_sign_outs():
        send_sign_out(sign_out_id, factory)


@shared_task
def grade_next(factory: str = "") -> None:
    grading.grade_waiting(factory)


@shared_task
def reconcile_gradings() -> None:
    wake_workers("", grading.reconcile_gradings())


@shared_task
def reconcile_graders() -> None:
    tending = tending_graders.reconcile_graders()
    for grader_id, factory in tending.graders:
        publish(tend_grader, grader_id, queue=hub_queue(factory), expires=10)
    for factory, count in Counter(tending.wake_ups).items():
        wake_workers(factory, count)


@shared_task
def tend_grader(grader_id: int) -> None:
    tending_graders.tend_grader(grader_id)


@shared_task
def collect_draft(draft_id: int) -> None:
    if drafting.collect_draft(draft_id):
        send_draft_check(draft_id)


@shared_task
def check_draft(draft_id: int) -> None:
    checking_drafts.check_draft(draft_id)


@shared_task
def release_draft(draft_id: int) -> None:
    releasing.release_draft(draft_id)


@shared_task
def reconcile_drafts() -> None:
    sweep = drafting.reconcile_drafts()
    for draft_id, factory in sweep.collects:
        send_draft_collect(draft_id, factory)
    for draft_id in sweep.checks:
        send_draft_check(draft_id)
    for draft_id in sweep.releases:
        send_draft_release(draft_id)


@shared_task
def check_account(account_id: int) -> None:
    checking_accounts.ensure_checked(account_id)


@shared_task
def tell_learner(account_id: int) -> None:
    telling_learners.tell_learner(account_id)


@shared_task
def reconcile_accounts() -> None:
    sweep = checking_accounts.reconcile_accounts()
    for account_id, factory in sweep.checks:
        send_account_check(account_id, factory)
    for account_id in sweep.letters:
        publish(tell_learner, account_id, queue="sweeping", expires=10)


@shared_task
def put_new_files(session_id: int) -> None:
    new_files.put_new_files(session_id)


@shared_task
def prune_snapshots(after: int = 0) -> None:
    """Nightly, slice by slice; blobs come last, when fewer snapshots refer to them."""
    if last := pruning.prune_snapshots(after):
        publish(prune_snapshots, last, queue="sweeping")
    else:
        publish(prune_blobs, queue="sweeping")


@shared_task
def prune_blobs(after: str = "") -> None:
    if last := pruning.prune_blobs(after):
        publish(prune_blobs, last, queue="sweeping")
