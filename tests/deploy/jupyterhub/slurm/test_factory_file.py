"""A factory's file: read whole, or refused with everything that is wrong in it."""

from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.factory_file import FactoryFile, FactoryFileError
from tests.deploy.jupyterhub.slurm.factory_files import TEXT, read_factory, read_of_firecrest


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = read_factory(tmp_path)

    assert (file.access, file.pace_seconds, file.job_prefix) == ("local", 15.0, "paja")
    small = file.find_partition("small-g")
    assert small is not None
    flavour = small.find_flavour("gcd-1")
    assert flavour is not None
    assert (flavour.gres, flavour.gpus, flavour.minutes_max, flavour.weight) == ("gpu:1", 1, 480, 0.5)
    assert file.unix.pool == ("train01", "train02")
    assert file.grading is not None
    assert file.grading.environment == (("PAJA_RUNNER_BOXES", "1"),)


def test_a_flavour_without_its_own_limit_has_its_partitions(tmp_path: Path) -> None:
    interactive = read_factory(tmp_path).find_partition("interactive")

    assert interactive is not None
    assert interactive.flavours[0].minutes_max == 480


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FactoryFileError) as raised:
        read_factory(
            tmp_path,
            ("cores = 7", 'cores = "7"'),
            ('"AI_workshop[0-9]*"', '"("'),
            ("[nodes]", "[nodes]\ncolour = 1"),
            ('python = "/opt/lab/bin/python"\n', ""),
        )

    told = str(raised.value)
    for place in (
        "partitions[1].flavours[1].cores",
        "slurm.reservations",
        "nodes.colour",
        "nodes.python: is missing",
    ):
        assert place in told
    assert len(raised.value.faults) == 4


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("weight = 0.5", "weight = true", "weight"),
        ("weight = 0.5", "weight = nan", "weight"),
        ("pace_seconds = 15", "pace_seconds = 0", "pace_seconds"),
        ("gpus = 1", "gpus = 1.0", "gpus"),
        ('gres = "gpu:1"', 'gres = "gpu:1 --wrap=id"', "gres"),
        ('gres = "gpu:1"\n', "", "gres"),
        ('name = "interactive"', 'name = "small-g"', "partitions"),
        ('"train02"', '"train01"', "pool"),
        ('"train02"', '"../train02"', "pool"),
        ('"train02"', '"--uid=0"', "pool"),
        ("{unix_account}", "train01", "become"),
        ('become = ["sudo", "-n", "-u", "{unix_account}", "--"]\n', "", "the hub's own account"),
        ('flavour = "gcd-1"', 'flavour = "gcd-9"', "grading.flavour"),
        ("minutes = 60", "minutes = 481", "grading.minutes"),
        ('unix_account = "grader"', 'unix_account = "train01"', "grading.unix_account"),
        ('unix_account = "grader"', 'unix_account = "lumiabc"', "grading.unix_account"),
        ('unix_account = "grader"', 'unix_account = "robot1"', "grading.unix_account"),
        ("PAJA_RUNNER_BOXES", "LD_PRELOAD", "LD_PRELOAD"),
        ('python = "/opt/lab/bin/python"', 'python = "/opt/lab/bin/python -c id"', "nodes.python"),
        ('access = "local"', 'access = "firecrest"', "slurm.firecrest"),
        ("pace_seconds = 15", 'job_prefix = "paja-x"', "job_prefix"),
        ("minutes_max = 480\nweight = 0.5", "minutes_max = 9999\nweight = 0.5", "minutes_max"),
    ],
)
def test_nonsense_is_refused_with_its_place(before: str, after: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(FactoryFileError, match=place.replace("[", r"\[")):
        read_factory(tmp_path, (before, after))


def test_firecrest_submits_as_a_robot_alone(tmp_path: Path) -> None:
    with pytest.raises(FactoryFileError, match="the client's account alone"):
        read_factory(tmp_path, ('access = "local"', 'access = "firecrest"'))


def test_nothing_is_graded_through_firecrest(tmp_path: Path) -> None:
    assert read_of_firecrest(tmp_path).grading is None
    with pytest.raises(FactoryFileError, match="nothing is graded through it"):
        read_factory(tmp_path, ('access = "local"', 'access = "firecrest"'))


def test_a_file_that_is_not_there_or_no_toml_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(TEXT + "[[")

    for path in (tmp_path / "missing.toml", broken):
        with pytest.raises(FactoryFileError, match=path.name):
            FactoryFile.read(path)
