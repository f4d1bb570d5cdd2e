"""The Celery application: queues, routes and the beat schedule. All background times stand here."""

import os
from importlib import import_module
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("paja")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["courses", "labs"])

# Tasks for one factory are sent to `spawning.<factory>` by name, so that a slow hub delays only its own.
app.conf.task_default_queue = "sweeping"
app.conf.task_queues = [Queue("sweeping"), Queue("grading")]
app.conf.task_create_missing_queues = True
app.conf.task_routes = {
    "labs.tasks.grade_submission": {"queue": "grading"},
}

# A sweep that could not run in its interval is dropped: the next one sees the same rows.
app.conf.beat_schedule = {
    "reconcile-sessions": {
        "task": "labs.tasks.reconcile_all_sessions",
        "schedule": 2.0,
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
        "schedule": 10.0,
        "options": {"expires": 10},
    },
}


@celeryd_after_setup.connect
def load_pipeline(instance: Any, **_options: object) -> None:
    """A worker that grades imports nbgrader once, before it forks: seconds that no learner should wait for."""
    if "grading" in instance.app.amqp.queues.consume_from:
        import_module("labs.nbgrader.grading")
