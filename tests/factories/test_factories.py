"""Every model of ours has a factory, and the database takes what it makes."""

import inspect

import pytest
from django.apps import apps
from factory.django import DjangoModelFactory

from tests.factories import courses, labs

FACTORIES = {
    found._meta.model: found
    for module in (courses, labs)
    for _name, found in inspect.getmembers(module, inspect.isclass)
    if issubclass(found, DjangoModelFactory) and found._meta.model is not None
}
OURS = [model for app in ("courses", "labs") for model in apps.get_app_config(app).get_models()]


def test_every_model_has_a_factory() -> None:
    assert {model.__name__ for model in OURS} == {model.__name__ for model in FACTORIES}


@pytest.mark.django_db
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_factory_makes_rows_that_do_not_collide_and_say_what_they_are(model: type) -> None:
    rows = [FACTORIES[model].create() for _ in range(2)]

    assert rows[0].pk != rows[1].pk
    assert str(rows[0])
