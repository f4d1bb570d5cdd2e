import pytest

from deploy.jupyterhub.slurm.refusals import MESSAGE_MAX, refusal_of
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError
from tests.deploy.jupyterhub.slurm.recordings import read_recording

LINES = [line for line in read_recording("refusals.txt").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("line", LINES)
def test_what_sbatch_said_has_its_reason(line: str) -> None:
    reason, _, message = line.partition(": ")
    error = refusal_of(message.replace("\\n", "\n"))

    assert (error.reason if isinstance(error, SubmitRefusedError) else "unavailable") == reason


def test_saying_nothing_is_no_refusal() -> None:
    assert isinstance(refusal_of(" \n"), SchedulerUnavailableError)


def test_a_long_message_is_cut_off() -> None:
    assert len(str(refusal_of("x" * 100_000))) == MESSAGE_MAX
