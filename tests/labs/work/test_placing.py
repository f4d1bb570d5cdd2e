"""Where a session goes on that is started anew."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import Allocation, Flavour, Hub, LabRelease, LabSession
from labs.states import SessionStatus
from labs.work.placing import find_place_again, list_places_again
from tests.factories import labs as make
from tests.labs.work.places import Allow

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(allow: Allow) -> Flavour:
    """Where the session is: not the best place."""
    return allow(wait=600, gpu_hours=4)


@pytest.fixture
def session(enrolment: Enrolment, lab: LabRelease, hub: Hub, own: Flavour) -> LabSession:
    account = hub.accounts.get()
    make.AccountLeaseFactory.create(account=account, user=enrolment.learner)
    return make.LabSessionFactory.create(
        enrolment=enrolment,
        release=lab,
        hub=hub,
        allocation=Allocation.objects.get(partition=own.partition),
        flavour=own,
        account=account,
        status=SessionStatus.READY,
    )


def use_up(session: LabSession) -> None:
    now = timezone.now()
    assert session.flavour is not None
    make.SlurmJobFactory.create(
        hub=session.hub,
        session=session,
        partition_name=session.flavour.partition.name,
        weight=1,
        started_at=now - timedelta(hours=4),
    )


def test_a_session_goes_on_where_it_was_although_others_begin_sooner(
    session: LabSession, lab: LabRelease, allow: Allow
) -> None:
    allow(wait=0)
    hub, fields = find_place_again(session, lab)
    assert (hub, fields["flavour"], fields["account"]) == (session.hub, session.flavour, session.account)


def test_its_own_place_among_those_that_may_be_is_free_for_it(session: LabSession, lab: LabRelease) -> None:
    Hub.objects.update(sessions_max=1, sessions_per_learner=1)
    assert len(list_places_again(session, lab)) == 1


def test_where_the_gpu_hours_are_used_up_it_goes_on_elsewhere(
    session: LabSession, lab: LabRelease, allow: Allow
) -> None:
    use_up(session)
    other = allow(wait=900)
    assert [choice.flavour for choice in list_places_again(session, lab)] == [other]


def test_where_nothing_is_to_be_had_the_own_places_reason_counts(
    session: LabSession, lab: LabRelease, allow: Allow
) -> None:
    allow(wait=0, minutes_max=5)
    use_up(session)
    with pytest.raises(RefusedError) as caught:
        list_places_again(session, lab)
    assert caught.value.reason == "gpu_hours_used_up"

    Allocation.objects.all().delete()
    session.refresh_from_db()
    with pytest.raises(RefusedError) as caught:
        list_places_again(session, lab)
    assert caught.value.reason == "no_place_for_lab"


def test_an_author_goes_on_where_their_cohort_may(session: LabSession, lab: LabRelease, own: Flavour) -> None:
    session.enrolment = None
    session.save()
    assert [choice.flavour for choice in list_places_again(session, lab)] == [own]
    Allocation.objects.all().delete()
    session.refresh_from_db()
    with pytest.raises(RefusedError):
        list_places_again(session, lab)
