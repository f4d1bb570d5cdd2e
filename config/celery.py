"""The Celery application: queues, routes and the beat schedule. All background times stand here."""

import gc
import os
from importlib import import_module
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import celeryd_after_setup, worker_process_init
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("paja")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["courses", "labs"])

# What asks a factory's hub goes to `spawning.<factory>`, what talks to its learners' servers to `visiting.<factory>`,
# each with workers of its own: a factory that is slow delays no other, a server that is slow nobody's start.
app.conf.task_default_queue = "sweeping"
app.conf.task_queues = [Queue("sweeping"), Queue("grading")]
app.conf.task_create_missing_queues = True

# A sweep that could not run in its interval is dropped: the next one sees the same rows.
app.conf.beat_schedule = {
    "reconcile-sessions": {
        "task": "labs.tasks.reconcile_all_sessions",
        "schedule": 0.5,
        "options": {"expires": 2},
    },
    "reconcile-submissions": {
        "task": "labs.tasks.reconcile_submissions",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "reconcile-sign-outs": {
        "task": "labs.tasks.reconcile_sign_outs",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "reconcile-gradings": {
        "task": "labs.tasks.reconcile_gradings",
        "schedule": 3.0,
        "options": {"expires": 3},
    },
    "reconcile-graders": {
        "task": "labs.tasks.reconcile_graders",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "reconcile-drafts": {
        "task": "labs.tasks.reconcile_drafts",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "reconcile-accounts": {
        "task": "labs.tasks.reconcile_accounts",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "prune-snapshots": {
        "task": "labs.tasks.prune_snapshots",
        "schedule": crontab(hour=2, minute=30),
        "options": {"expires": 3600},
    },
}


def is_grading(worker_app: Celery) -> bool:
    """Whether the worker of this application grades in boxes of its host.

    Those of a factory's grader do not: what they need comes with the first work, and may not be needed for weeks.
    """
    return "grading" in worker_app.amqp.queues.consume_from


@celeryd_after_setup.connect
def load_pipeline(instance: Any, **_options: object) -> None:
    """A worker that grades makes once, before it forks, all that the first learner would wait for.

    What is made by then is left out of later collections of garbage, so that its processes go on sharing it.
    """
    if is_grading(instance.app):
        import_module("labs.nbgrader.warming").warm_up()
        gc.collect()
        gc.freeze()


@worker_process_init.connect
def allow_to_end(**_options: object) -> None:
    """A process of a pool may end itself over work that hangs: another one takes its place."""
    import_module("labs.work.time_limits").this_process.is_expendable = True


@worker_process_init.connect
def start_fork_server(**_options: object) -> None:
    """What kernels are forked from is up before the first work comes, without the process waiting for it."""
    if is_grading(app):
        box, settings = import_module("labs.box"), import_module("django.conf").settings
        box.start_forking(box.BoxEnvironment(settings.LAB_PYTHON))
