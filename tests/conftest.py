"""What every test can have: three standing people, a course with a cohort, and no network.

ada learns, ben teaches, eve must see nothing.
"""

from collections.abc import Callable, Iterator

import pytest
import pytest_socket
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from courses.models import Cohort, CohortTeamMember, CourseRelease, Enrolment, Factory, User
from courses.states import EnrolmentStatus
from deploy.development.messages import compile_catalogues
from tests.factories import courses as make
from tests.factories import labs as make_labs

# What is for the whole session, wherever its tests stand: a running Paja, a Slurm, the one on the other.
pytest_plugins = ["tests.live.fixtures", "tests.servers.slurm", "tests.live.slurm_fixtures"]


def pytest_configure() -> None:
    """Texts are translated in a fresh checkout too: compiled catalogues are not kept in it."""
    compile_catalogues()


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """A unit test that reaches for the network is a mistake; `live` tests may."""
    if request.node.get_closest_marker("live") is not None:
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """What one test leaves in the cache would make the next one's pages cheaper, or their signs old."""
    cache.clear()


@pytest.fixture
def ada(db: None) -> User:
    """She learns: enrolled in `cohort` through `enrolment`."""
    return make.UserFactory.create(email="ada@example.org", full_name="Ada")


@pytest.fixture
def ben(cohort: Cohort) -> User:
    """He teaches `cohort`."""
    ben = make.UserFactory.create(email="ben@example.org", full_name="Ben")
    CohortTeamMember.objects.create(cohort=cohort, user=ben)
    return ben


@pytest.fixture
def eve(db: None) -> User:
    """She has an account and must see nothing of the others: staff of another factory, in another cohort."""
    eve = make.UserFactory.create(email="eve@example.org", full_name="Eve")
    elsewhere = make.CohortFactory.create(name="Elsewhere")
    make.FactoryMembershipFactory.create(factory=elsewhere.factory, user=eve)
    make.EnrolmentFactory.create(cohort=elsewhere, learner=eve)
    return eve


@pytest.fixture
def kajaani(db: None) -> Factory:
    return make.FactoryFactory.create(slug="kajaani", name="LUMI AI Factory", machine="LUMI", city="Kajaani")


@pytest.fixture
def release(db: None) -> CourseRelease:
    """A course of one module: the reading `read`, the quiz `check` and the lab `practise`."""
    release = make.CourseReleaseFactory.create(course__slug="pipelines", texts__title="Pipelines")
    module = make.ModuleFactory.create(release=release, slug="basics", position=1)
    make.UnitFactory.create(module=module, slug="read", kind="reading", position=1, text__title="Read this")
    make.QuizUnitFactory.create(module=module, slug="check", position=2, text__title="Check yourself")
    unit = make.UnitFactory.create(
        module=module, slug="practise", kind="lab", position=3, text__title="Practise"
    )
    make_labs.LabUnitFactory.create(unit=unit)
    return release


@pytest.fixture
def cohort(release: CourseRelease, kajaani: Factory) -> Cohort:
    return make.CohortFactory.create(release=release, factory=kajaani, name="Autumn")


@pytest.fixture
def enrolment(cohort: Cohort, ada: User) -> Enrolment:
    return make.EnrolmentFactory.create(cohort=cohort, learner=ada, status=EnrolmentStatus.ACTIVE)


@pytest.fixture
def staff(kajaani: Factory) -> User:
    """Staff of kajaani."""
    staff: User = make.UserFactory.create(email="staff@example.org")
    make.FactoryMembershipFactory.create(factory=kajaani, user=staff)
    return staff


@pytest.fixture
def administrator(db: None) -> User:
    return make.UserFactory.create(email="administrator@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser in which a person is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def count_queries() -> Callable[[Callable[[], object]], int]:
    """How many queries something takes without a cache. List pages compare a short list with a long one."""

    def count_queries(action: Callable[[], object]) -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            action()
        return len(queries)

    return count_queries
