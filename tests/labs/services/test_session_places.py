"""Where a session is asked for at a factory with Slurm: where its learner chose, else at the recommended place."""

from dataclasses import replace

import pytest
from django.utils import timezone

from courses.models import Enrolment, User
from labs.exceptions import RefusedError
from labs.models import AccountLease, FactoryAccount, Flavour, Hub, LabSession, LabUnit
from labs.services.drafts import open_source
from labs.services.sessions import request_session
from labs.work.choices import list_choices
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    return LabUnit.objects.select_related("release__lab").get(unit__release=enrolment.cohort.release)


@pytest.fixture
def near(enrolment: Enrolment) -> Flavour:
    """At the cohort's own factory, where one has to wait."""
    hub = make.HubFactory.create(
        factory=enrolment.cohort.factory, has_slurm=True, slurm_answered_at=timezone.now()
    )
    return allow(enrolment, hub, wait=600)


@pytest.fixture
def far(enrolment: Enrolment) -> Flavour:
    """At another factory, at once."""
    hub = make.HubFactory.create(has_slurm=True, slurm_answered_at=timezone.now())
    return allow(enrolment, hub, wait=0)


def allow(enrolment: Enrolment, hub: Hub, *, wait: int) -> Flavour:
    flavour = make.FlavourFactory.create(partition__hub=hub, expected_wait_seconds=wait)
    make.AllocationFactory.create(cohort=enrolment.cohort, partition=flavour.partition, flavours=[flavour])
    make.FactoryAccountFactory.create(hub=hub)
    return flavour


def test_who_chooses_nothing_gets_the_recommended_place(
    enrolment: Enrolment, lab_unit: LabUnit, near: Flavour, far: Flavour
) -> None:
    session = request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert (session.flavour, session.hub) == (far, far.partition.hub)
    assert session.allocation is not None
    assert session.allocation.partition == far.partition
    lease = AccountLease.objects.get()
    assert (lease.account, lease.user) == (session.account, enrolment.learner)
    assert lease.account.hub == session.hub


def test_who_chooses_gets_what_they_chose(
    enrolment: Enrolment, lab_unit: LabUnit, near: Flavour, far: Flavour
) -> None:
    choice = next(each for each in list_choices(enrolment, lab_unit.release) if each.flavour == near)
    session = request_session(enrolment, lab_unit, actor=enrolment.learner, choice=choice)
    assert (session.flavour, session.hub) == (near, near.partition.hub)


@pytest.mark.usefixtures("near")
def test_what_is_blocked_is_refused_and_nothing_is_lent(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    (choice,) = list_choices(enrolment, lab_unit.release)
    blocked = replace(choice, blocked_reason="gpu_hours_used_up")
    with pytest.raises(RefusedError) as caught:
        request_session(enrolment, lab_unit, actor=enrolment.learner, choice=blocked)
    assert caught.value.reason == "gpu_hours_used_up"
    assert not LabSession.objects.exists()
    assert not AccountLease.objects.exists()


@pytest.mark.usefixtures("near")
def test_an_account_that_was_lent_to_somebody_else_meanwhile_is_a_refusal(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    (choice,) = list_choices(enrolment, lab_unit.release)
    FactoryAccount.objects.update(is_offered=False)
    with pytest.raises(RefusedError) as caught:
        request_session(enrolment, lab_unit, actor=enrolment.learner, choice=choice)
    assert caught.value.reason == "pool_empty"


def test_a_factory_with_slurm_and_no_place_refuses(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    make.HubFactory.create(factory=enrolment.cohort.factory, has_slurm=True)
    with pytest.raises(RefusedError) as caught:
        request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert caught.value.reason == "no_place_for_lab"


@pytest.mark.usefixtures("far")
def test_a_factory_without_slurm_starts_labs_by_itself(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    hub = make.HubFactory.create(factory=enrolment.cohort.factory)
    session = request_session(enrolment, lab_unit, actor=enrolment.learner)
    assert (session.hub, session.flavour, session.account) == (hub, None, None)


def test_an_author_works_where_their_cohort_may(
    enrolment: Enrolment, lab_unit: LabUnit, near: Flavour, ben: User
) -> None:
    session = open_source(enrolment.cohort, lab_unit, actor=ben)
    assert (session.flavour, session.enrolment) == (near, None)
    assert AccountLease.objects.get().user == ben
