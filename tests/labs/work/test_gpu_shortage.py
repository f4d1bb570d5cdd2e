"""Whether a session can have the GPU that its lab needs."""

import pytest

from labs.models import LabSession
from labs.states import SessionStatus
from labs.work.gpu_shortage import describe_gpu_shortage
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    session: LabSession = make.LabSessionFactory.create(hub__is_development=False)
    session.release.needs = {"gpus": 2}
    return session


@pytest.mark.parametrize("gpus", [0, 1, 2])
def test_a_place_with_too_few_gpus_is_named(session: LabSession, gpus: int) -> None:
    session.flavour = make.FlavourFactory.create(gpus=gpus)

    assert ("more GPUs than the place has" in describe_gpu_shortage(session)) is (gpus < 2)


def test_a_job_without_a_size_has_none(session: LabSession) -> None:
    assert describe_gpu_shortage(session) == ""
    session.hub.has_slurm = True

    assert "more GPUs than the place has" in describe_gpu_shortage(session)


@pytest.mark.parametrize("status", [SessionStatus.SPAWNING, SessionStatus.READY])
def test_a_development_machine_has_no_real_one_which_matters_once_the_lab_is_open(
    session: LabSession, status: str
) -> None:
    session.flavour = make.FlavourFactory.create(gpus=2)
    session.hub.is_development = True
    session.status = status

    assert ("development copy" in describe_gpu_shortage(session)) is (status == SessionStatus.READY)


def test_a_lab_that_needs_none_lacks_none(session: LabSession) -> None:
    session.release.needs = {"minutes": 60}
    session.hub.is_development = True

    assert describe_gpu_shortage(session) == ""
