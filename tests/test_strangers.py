"""Strangers get 404. This walks the URL configuration, so a new address fails here until the table has it.

In `world` everything belongs to ada, ben and the staff of kajaani, and the course is not in the catalogue.
eve has an account, a cohort and a factory of her own. `OBJECTS` says for every address that names an object
which person may come there; `PAGES` holds the addresses that name none.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from courses.models import Cohort, Course, Enrolment, UnitFile, User
from labs.blobs import store_files
from labs.models import AccountKind, LabDraft, LabSession, LabUnit, Snapshot, Submission
from labs.states import AccountStatus
from tests.factories import courses as make
from tests.factories import labs as make_labs

MOVE = "7d6f1f0e-7f0b-4d43-9f5e-0d4f6a1b2c3d"
ENROLMENT = "7d6f1f0e-7f0b-4d43-9f5e-0d4f6a1b2c40"
SOON = str(timezone.localdate() + timedelta(days=2))  # to come in every time zone

# allauth's and Django's own addresses: they show a person's own account, or the administrator's pages.
FOREIGN = ("account_", "admin:", "idp:")


@dataclass(frozen=True)
class World:
    """What a stranger must not see."""

    cohort: Cohort
    enrolment: Enrolment
    file: UnitFile
    lab_unit: LabUnit
    session: LabSession
    snapshot: Snapshot
    submission: Submission
    draft: LabDraft
    people: Mapping[str, User]


@dataclass(frozen=True)
class Object:
    """An address of an object: its arguments, who may come there, and how anonymous people are turned away."""

    arguments: Callable[[World], dict[str, object]]
    seen_by: str
    method: str = "get"
    anonymous: int = 302
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """An address without an object; `anonymous` is what an anonymous person gets."""

    anonymous: int
    method: str = "get"


def cohort(world: World) -> dict[str, object]:
    return {"cohort": world.cohort.public_id}


def unit(slug: str) -> Callable[[World], dict[str, object]]:
    return lambda world: {"cohort": world.cohort.public_id, "unit": slug}


def preview(**more: str) -> Callable[[World], dict[str, object]]:
    return lambda world: {"release": world.cohort.release.public_id, **more}


def lab(world: World) -> dict[str, object]:
    return {"cohort_id": world.cohort.public_id, "unit_slug": world.lab_unit.unit.slug}


def session(world: World) -> dict[str, object]:
    return {"session_id": world.session.public_id}


def submission(world: World) -> dict[str, object]:
    return {"submission_id": world.submission.public_id}


def version(world: World) -> dict[str, object]:
    return {**lab(world), "snapshot_id": world.snapshot.public_id}


def source(world: World) -> dict[str, object]:
    return {"cohort_id": world.cohort.public_id, "lab_slug": world.lab_unit.unit.slug}


def graded_lab(world: World) -> dict[str, object]:
    lab = world.lab_unit.release.lab
    return {"course_slug": lab.course.slug, "lab_slug": lab.slug}


def hub_factory(world: World) -> dict[str, object]:
    return {"factory": world.session.hub.factory.slug}


def factory_account(world: World) -> dict[str, object]:
    return {"factory_slug": world.cohort.factory.slug}


def cohort_accounts(world: World) -> dict[str, object]:
    return {"cohort_id": world.cohort.public_id, "factory_slug": world.cohort.factory.slug}


def allocation(world: World) -> dict[str, object]:
    return {**cohort_accounts(world), "partition_name": "small-g"}


def draft(world: World) -> dict[str, object]:
    return {"draft_id": world.draft.public_id}


OBJECTS: dict[str, Object] = {
    "courses:course": Object(lambda world: {"course": world.cohort.release.course.slug}, "", anonymous=404),
    "courses:enrol": Object(cohort, "", "post", anonymous=404),
    "courses:withdraw": Object(cohort, "ada", "post"),
    "courses:learn": Object(cohort, "ada"),
    "courses:unit": Object(unit("read"), "ada"),
    "courses:unit-done": Object(unit("read"), "ada", "post"),
    "courses:quiz-answers": Object(unit("check"), "ada", "post"),
    "courses:unit-file": Object(
        lambda world: {"cohort": world.cohort.public_id, "module": "basics", "path": world.file.path}, "ada"
    ),
    "courses:preview": Object(preview(), "ben"),
    "courses:preview-unit": Object(preview(unit="read"), "ben"),
    "courses:preview-file": Object(
        lambda world: {
            "release": world.cohort.release.public_id,
            "module": "basics",
            "path": world.file.path,
        },
        "ben",
    ),
    "courses:cohort": Object(cohort, "ben"),
    "courses:cohort-csv": Object(cohort, "ben"),
    "courses:factory": Object(lambda world: {"factory": world.cohort.factory.slug}, "staff"),
    "labs:gpus": Object(hub_factory, "staff"),
    "labs:gpus-now": Object(hub_factory, "staff"),
    "labs:gpus-usage": Object(hub_factory, "staff"),
    "labs:start": Object(lab, "ada", "post"),
    "labs:submit": Object(lab, "ada", "post", data={"press_key": "7d6f1f0e-7f0b-4d43-9f5e-0d4f6a1b2c3d"}),
    "labs:check": Object(lab, "ada", "post", data={"press_key": "7d6f1f0e-7f0b-4d43-9f5e-0d4f6a1b2c3e"}),
    "labs:upload": Object(lab, "ada", "post", data={"press_key": "7d6f1f0e-7f0b-4d43-9f5e-0d4f6a1b2c3f"}),
    "labs:lab-panel": Object(lab, "ada"),
    "labs:history": Object(lab, "ada"),
    "labs:history-reset": Object(lab, "ada", "post"),
    "labs:new-files": Object(lab, "ada", "post"),
    "labs:history-snapshot": Object(version, "ada"),
    "labs:history-file": Object(version, "ada", data={"file": "lab.ipynb"}),
    "labs:history-zip": Object(version, "ada"),
    "labs:history-restore": Object(version, "ada", "post"),
    "labs:session": Object(session, "ada"),
    "labs:session-status": Object(session, "ada"),
    "labs:session-open": Object(session, "ada"),
    "labs:session-keep": Object(session, "ada", "post"),
    "labs:session-restart": Object(session, "ada", "post"),
    "labs:session-stop": Object(session, "ada", "post"),
    "labs:session-move": Object(session, "", "post"),
    "labs:server": Object(lambda world: {"server_name": world.session.server_name}, "ada"),
    "labs:submission": Object(submission, "ben"),
    "labs:submission-status": Object(submission, "ada"),
    "labs:submission-grade": Object(submission, "ben", "post"),
    "labs:submission-regrade": Object(submission, "ben", "post"),
    "labs:cohort-submissions": Object(
        lambda world: {"cohort_id": world.cohort.public_id, "lab_slug": world.lab_unit.unit.slug}, "ben"
    ),
    "labs:lab-regrade": Object(source, "staff"),
    "labs:lab-regrade-start": Object(source, "ben", "post"),
    "labs:grading-lab": Object(graded_lab, "staff"),
    "labs:grading-pause": Object(graded_lab, "staff", "post"),
    "labs:grading-resume": Object(graded_lab, "ben", "post"),
    "labs:account": Object(factory_account, "ada"),
    "labs:account-status": Object(factory_account, "ada"),
    "labs:account-name": Object(factory_account, "ada", "post", data={"name": "kaj002"}),
    "labs:account-check": Object(factory_account, "ada", "post"),
    "labs:cohort-accounts": Object(cohort_accounts, "ben"),
    "labs:cohort-accounts-csv": Object(cohort_accounts, "ben"),
    "labs:cohort-invite": Object(
        cohort_accounts,
        "staff",
        "post",
        data={"learner": ENROLMENT, "slurm_account": "course", "expires_on": SOON},
    ),
    "labs:cohort-account-end": Object(cohort_accounts, "staff", "post", data={"learner": ENROLMENT}),
    "labs:allocations": Object(lambda world: {"cohort_id": world.cohort.public_id}, "ben"),
    "labs:allocation": Object(allocation, "staff"),
    "labs:allocation-remove": Object(allocation, "staff", "post"),
    "labs:source": Object(source, "ben"),
    "labs:source-start": Object(source, "ben", "post"),
    "labs:source-collect": Object(source, "ben", "post"),
    "labs:source-reset": Object(source, "ben", "post"),
    "labs:source-undo": Object(source, "ben", "post", data={"move": MOVE}),
    "labs:draft": Object(draft, "ben"),
    "labs:draft-status": Object(draft, "ben"),
    "labs:draft-release": Object(draft, "ben", "post"),
    "labs:draft-again": Object(draft, "ben", "post"),
    "labs:draft-discard": Object(draft, "ben", "post"),
    "courses-api:course-detail": Object(
        lambda world: {"slug": world.cohort.release.course.slug}, "", anonymous=404
    ),
    "courses-api:cohort-detail": Object(lambda world: {"id": world.cohort.public_id}, "ben", anonymous=401),
    "courses-api:enrolment-detail": Object(
        lambda world: {"id": world.enrolment.public_id}, "ada", anonymous=401
    ),
    "labs-api:session-detail": Object(lambda world: {"id": world.session.public_id}, "ada", anonymous=401),
    "labs-api:session-stop": Object(
        lambda world: {"id": world.session.public_id}, "ada", "post", anonymous=401
    ),
    "labs-api:submission-detail": Object(
        lambda world: {"id": world.submission.public_id}, "ben", anonymous=401
    ),
}
PAGES: dict[str, Page] = {
    "courses:home": Page(anonymous=200),
    "courses:catalogue": Page(anonymous=200),
    "courses:set-language": Page(anonymous=302, method="post"),
    "courses:settings": Page(anonymous=302),
    "courses:renew-token": Page(anonymous=302, method="post"),
    "courses:teaching": Page(anonymous=302),
    "labs:accounts": Page(anonymous=302),
    "labs:running": Page(anonymous=302),
    "labs:grading": Page(anonymous=302),
    "labs:grading-now": Page(anonymous=302),
    "labs:grading-times": Page(anonymous=302),
    "api-schema": Page(anonymous=200),
    "courses-api:course-list": Page(anonymous=200),
    "courses-api:cohort-list": Page(anonymous=401),
    "courses-api:enrolment-list": Page(anonymous=401),
    "labs-api:session-list": Page(anonymous=401),
    "labs-api:submission-list": Page(anonymous=401),
}
# What an API is asked to make names its object in the body.
REQUESTS: dict[str, Callable[[World], dict[str, str]]] = {
    "courses-api:enrolment-list": lambda world: {"cohort": str(world.cohort.public_id)},
    "labs-api:session-list": lambda world: {
        "cohort": str(world.cohort.public_id),
        "unit": world.lab_unit.unit.slug,
    },
    "labs-api:submission-list": lambda world: {
        "cohort": str(world.cohort.public_id),
        "unit": world.lab_unit.unit.slug,
    },
}


@pytest.fixture
def world(cohort: Cohort, enrolment: Enrolment, ada: User, ben: User, staff: User) -> World:
    Course.objects.filter(pk=cohort.release.course_id).update(is_listed=False)
    lab_unit = LabUnit.objects.get(unit__release=cohort.release)
    hub = make_labs.HubFactory.create(factory=cohort.factory)
    small_g = make_labs.PartitionFactory.create(hub=hub, name="small-g")
    make_labs.AllocationFactory.create(cohort=cohort, partition=small_g, account_kind=AccountKind.OWN)
    make_labs.FactoryAccountFactory.create(
        hub=hub, kind=AccountKind.OWN, user=ada, name="kaj001", status=AccountStatus.INVITED
    )
    Enrolment.objects.filter(pk=enrolment.pk).update(public_id=ENROLMENT)
    enrolment.refresh_from_db()
    make.CohortMoveFactory.create(cohort=cohort, public_id=MOVE)
    belongings: dict[str, Any] = {"enrolment": enrolment, "release": lab_unit.release}
    return World(
        cohort=cohort,
        enrolment=enrolment,
        file=make.UnitFileFactory.create(module=cohort.release.modules.get()),
        lab_unit=lab_unit,
        session=make_labs.LabSessionFactory.create(hub=hub, **belongings),
        snapshot=make_labs.SnapshotFactory.create(
            workspace__owner=ada,
            workspace__lab=lab_unit.release.lab,
            files=store_files({"lab.ipynb": b"{}"}),
        ),
        submission=make_labs.GradingRunFactory.create(
            submission=make_labs.SubmissionFactory.create(**belongings)
        ).submission,
        draft=make_labs.LabDraftFactory.create(cohort=cohort, base=lab_unit.release),
        people={"ada": ada, "ben": ben, "staff": staff},
    )


def test_every_address_is_in_the_table() -> None:
    names = set(walk(get_resolver()))
    ours = {name for name in names if not name.startswith(FOREIGN)}

    assert ours == OBJECTS.keys() | PAGES.keys()


@pytest.mark.parametrize("name", OBJECTS)
def test_a_stranger_gets_404(world: World, eve: User, sign_in: Callable[[User], Client], name: str) -> None:
    assert ask(sign_in(eve), name, world).status_code == 404


@pytest.mark.parametrize("name", OBJECTS)
def test_somebody_who_is_not_signed_in_is_turned_away(world: World, name: str) -> None:
    response = ask(Client(), name, world)

    assert response.status_code == OBJECTS[name].anonymous
    if response.status_code == 302:
        assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", [name for name, rule in OBJECTS.items() if rule.seen_by])
def test_the_person_whose_object_it_is_gets_there(
    world: World, sign_in: Callable[[User], Client], name: str
) -> None:
    """Else the 404 of a stranger would prove nothing."""
    person = world.people[OBJECTS[name].seen_by]

    assert ask(sign_in(person), name, world).status_code in (200, 202, 286, 302)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_an_object_shows_a_stranger_nothing_of_others(
    world: World, eve: User, sign_in: Callable[[User], Client], name: str
) -> None:
    response = getattr(sign_in(eve), PAGES[name].method)(reverse(name))

    assert response.status_code in (200, 286, 302)
    shown = response.content.decode()
    for secret in ("ada@example.org", world.cohort.name, world.cohort.factory.name):
        if not (name == "courses:home" and secret == world.cohort.factory.name):
            assert secret not in shown


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_an_object_is_open_or_asks_to_log_in(world: World, name: str) -> None:
    assert getattr(Client(), PAGES[name].method)(reverse(name)).status_code == PAGES[name].anonymous


@pytest.mark.parametrize("name", REQUESTS)
def test_a_stranger_makes_nothing_out_of_anothers_object(
    world: World, eve: User, sign_in: Callable[[User], Client], name: str
) -> None:
    response = sign_in(eve).post(reverse(name), REQUESTS[name](world), content_type="application/json")

    assert response.status_code == 404


def ask(client: Client, name: str, world: World) -> Any:
    rule = OBJECTS[name]
    return getattr(client, rule.method)(reverse(name, kwargs=rule.arguments(world)), dict(rule.data))


def walk(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """The full name of every address."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from walk(pattern, inner)
