"""How a session goes on that is started anew: at its place, or where that is not to be had at the best that is."""

from typing import Any

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import Hub, LabRelease, LabSession
from labs.work.choices import Choice, list_choices
from labs.work.leasing import find_account


def find_place_again(session: LabSession, release: LabRelease) -> tuple[Hub, dict[str, Any]]:
    """The hub, and the fields of a new session there; to be called in the transaction that makes it.

    RefusedError as `list_places_again`, and `pool_empty` where somebody was faster.
    """
    refusals = []
    for choice in list_places_again(session, release):
        try:
            account = find_account(session.learner, choice.allocation)
        except RefusedError as refusal:
            refusals.append(refusal)
            continue
        return choice.hub, {"allocation": choice.allocation, "flavour": choice.flavour, "account": account}
    raise refusals[0]


def list_places_again(session: LabSession, release: LabRelease) -> list[Choice]:
    """What can be had, the session's own place first; never empty.

    RefusedError with the reason of its own place, or of the best there is, where nothing can be had; else
    `no_place_for_lab`.
    """
    enrolment = session.enrolment
    if enrolment is None and session.allocation is not None:  # an author's
        enrolment = Enrolment(cohort=session.allocation.cohort, learner=session.learner)
    choices = list_choices(enrolment, release, instead_of=session) if enrolment else []
    choices.sort(key=lambda choice: choice.flavour != session.flavour)
    places = [choice for choice in choices if not choice.blocked_reason]
    if not places:
        raise RefusedError(reason=choices[0].blocked_reason if choices else "no_place_for_lab")
    return places


def find_release(session: LabSession) -> LabRelease:
    """What the lab's unit shows now; a lab that the course no longer has, or that is authored, stays as it was."""
    if session.enrolment is None:
        return session.release
    shown = LabRelease.objects.filter(
        lab=session.lab_id, lab_units__unit__release=session.enrolment.cohort.release_id
    )
    return shown.first() or session.release
