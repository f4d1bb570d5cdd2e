"""A session of a lab that needs a GPU, in a place that has none: known before the lab's own check says so."""

from django.utils.translation import gettext as _

from labs.models import LabSession
from labs.states import SessionStatus


def describe_gpu_shortage(session: LabSession) -> str:
    """What a learner is told of it, in the language that is active; empty where nothing is known to be missing."""
    wanted = int(session.release.needs.get("gpus", 0))
    if not wanted:
        return ""
    if session.hub.is_development and session.status == SessionStatus.READY:
        return _(
            "This lab needs a GPU, and this factory is a development copy without a real one: cells that need it"
            " cannot run here."
        )
    has_too_few = session.flavour.gpus < wanted if session.flavour else session.hub.has_slurm
    if not has_too_few:
        return ""
    return _(
        "This lab needs more GPUs than the place has in which this session runs. Stop it and start the lab anew in"
        " a place with enough of them: your work is kept."
    )
