"""The Celery tasks of labs: each loads by id, calls one function of `work` and queues what follows."""

from celery import shared_task

from labs.models import Hub
from labs.work import collecting, delivering, grading, reconciling, signing_out, spawning, workspaces


def queue_of(factory: str) -> str:
    """The queue of a factory's sessions, so that a slow hub delays nobody else's."""
    return f"spawning.{factory}"


def send_start(session_id: int, factory: str) -> None:
    spawn_session.apply_async((session_id,), queue=queue_of(factory))


def send_delivery(session_id: int, factory: str) -> None:
    deliver_files.apply_async((session_id,), queue=queue_of(factory))


def send_stop(session_id: int, factory: str) -> None:
    stop_session.apply_async((session_id,), queue=queue_of(factory))


def send_look(session_id: int, factory: str) -> None:
    look_at_work.apply_async((session_id,), queue=queue_of(factory), expires=10)


def send_collect(submission_id: int, factory: str) -> None:
    collect_submission.apply_async((submission_id,), queue=queue_of(factory))


def send_grading(run_id: int) -> None:
    """A worker that hangs over a run is killed, and the run goes the way of one whose worker died."""
    grade_submission.apply_async((run_id,), time_limit=grading.longest_seconds(run_id))


def send_sign_out(sign_out_id: int, factory: str) -> None:
    """One that waits longer than the sweep's interval is dropped: a hub that is down must not pile them up."""
    sign_out.apply_async((sign_out_id,), queue=queue_of(factory), expires=10)


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
def look_at_work(session_id: int) -> None:
    workspaces.note_saved_time(session_id)


@shared_task
def reconcile_all_sessions() -> None:
    """One sweep per hub, each in its factory's queue; a sweep that waits longer than its interval is dropped."""
    for hub_id, factory in Hub.objects.values_list("pk", "factory__slug"):
        reconcile_sessions.apply_async((hub_id, factory), queue=queue_of(factory), expires=5)


@shared_task
def reconcile_sessions(hub_id: int, factory: str) -> None:
    sweep = reconciling.reconcile_sessions(hub_id)
    for session_id in sweep.starts:
        send_start(session_id, factory)
    for session_id in sweep.deliveries:
        send_delivery(session_id, factory)
    for session_id in sweep.stops:
        send_stop(session_id, factory)


@shared_task
def collect_submission(submission_id: int) -> None:
    run_id = collecting.collect_submission(submission_id)
    if run_id is not None:
        send_grading(run_id)


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
def grade_submission(run_id: int) -> None:
    grading.grade(run_id)


@shared_task
def reconcile_gradings() -> None:
    for run_id in grading.reconcile_gradings():
        send_grading(run_id)
