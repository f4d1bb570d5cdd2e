"""What administrators see of labs by hand."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from courses.models import User
from labs.models import Hub
from tests.factories import labs as make

MODELS = [model for model in admin.site._registry if model._meta.app_label == "labs"]


@pytest.mark.parametrize("model", MODELS)
def test_an_administrator_sees_every_list(
    administrator: User, sign_in: Callable[[User], Client], model: type[Model]
) -> None:
    make.SnapshotFactory.create()
    make.GradingRunFactory.create()
    make.LabSessionFactory.create()
    make.AllocationChangeFactory.create(partition=make.AllocationFactory.create().partition)
    make.FlavourFactory.create()
    make.AccountLeaseFactory.create()
    make.SlurmJobFactory.create()
    name = f"admin:labs_{model._meta.model_name}_changelist"
    assert sign_in(administrator).get(reverse(name)).status_code == 200


def test_a_sessions_events_stand_below_it(administrator: User, sign_in: Callable[[User], Client]) -> None:
    event = make.LabSessionEventFactory.create(reason="requested")
    page = reverse("admin:labs_labsession_change", args=[event.session_id])
    assert "requested" in sign_in(administrator).get(page).content.decode()


@pytest.mark.parametrize("model", [model for model in MODELS if model is not Hub])
def test_nobody_makes_by_hand_what_has_a_life_of_its_own(
    administrator: User, sign_in: Callable[[User], Client], model: type[Model]
) -> None:
    url = reverse(f"admin:labs_{model._meta.model_name}_add")
    assert sign_in(administrator).get(url).status_code == 403
