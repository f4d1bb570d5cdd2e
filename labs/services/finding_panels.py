"""The rows of which a lab's page is made for one learner, in a constant number of queries."""

from uuid import uuid4

from django.utils import timezone

from courses.models import Enrolment
from labs.models import Hub, Lab, LabSession, LabUnit, Workspace
from labs.services.attempts import find_attempts
from labs.services.grading_queue import find_place
from labs.services.panels import LabPanel, find_waiting
from labs.services.queue_places import find_slurm_place
from labs.services.running import RunningSession, find_running
from labs.services.start_places import StartPlaces, find_start_places
from labs.services.workspaces import find_offer


def find_panel(enrolment: Enrolment, lab_unit: LabUnit, language: str, wish: str = "") -> LabPanel:
    """`wish` is the key of the place that the learner chose before."""
    lab: Lab = lab_unit.release.lab
    hub = Hub.objects.select_related("factory").filter(factory=enrolment.cohort.factory_id).first()
    workspace = (
        Workspace.objects.filter(owner=enrolment.learner_id, lab=lab, purpose=Workspace.Purpose.LEARN)
        .select_related("wanted")
        .first()
    )
    session = _find_newest(workspace) if workspace else None
    if session and session.is_active:
        starts = StartPlaces(session.hub)
    else:
        starts = find_start_places(enrolment, lab_unit.release, hub, wish)
    now = timezone.now()
    saved = workspace.current_snapshot if workspace else None
    presses = find_attempts(enrolment.submissions.filter(lab=lab))
    waiting = find_waiting(presses)
    return LabPanel(
        lab_unit=lab_unit,
        cohort=enrolment.cohort,
        hub=starts.hub,
        session=session,
        workspace=workspace,
        attempts=tuple(press for press in presses if not press.is_check),
        checks=tuple(press for press in presses if press.is_check),
        snapshot_saved_at=saved.saved_at if saved else None,
        offer=find_offer(enrolment, lab_unit),
        place=find_place(waiting.run) if waiting and waiting.run else None,
        slurm_place=find_slurm_place(session, now) if session else None,
        starts=starts,
        crowd=() if session and session.is_active else _find_crowd(enrolment, starts.hub, language),
        press_key=uuid4(),
        check_key=uuid4(),
        now=now,
    )


def _find_newest(workspace: Workspace) -> LabSession | None:
    related = ("learner", "release", "hub__factory", "flavour__partition")
    return workspace.sessions.select_related(*related).first()


def _find_crowd(enrolment: Enrolment, hub: Hub | None, language: str) -> tuple[RunningSession, ...]:
    if hub is None:
        return ()
    running = find_running(enrolment.learner, language).items
    here = tuple(item for item in running if item.session.hub_id == hub.pk)
    return here if len(here) >= hub.sessions_per_learner else ()
