from dataclasses import replace

import pytest

from deploy.jupyterhub.slurm.checking import check_script, submit_options
from deploy.jupyterhub.slurm.scheduler import SubmitRefusedError
from tests.fakes.scheduler import a_job

BAD = [
    "a b",
    "a\nb",
    "a\x00b",
    "--uid=0",
    "-x",
    "a,b",
    "a=b",
    "a;b",
    "$(id)",
    "a/b",
    "é",
    "a" * 65,
    "a\x1b[1m",
    "a\n",
]


def test_every_option_is_one_word_with_its_value() -> None:
    options = submit_options(replace(a_job(), qos="course", reservation="course_day"))

    assert options == [
        "--no-requeue",
        "--job-name=paja-s-1f00ba12",
        "--partition=small-g",
        "--nodes=1",
        "--ntasks=1",
        "--cpus-per-task=7",
        "--mem=60G",
        "--time=60",
        "--gres=gpu:1",
        "--account=project_465000001",
        "--qos=course",
        "--reservation=course_day",
        "--input=/dev/null",
        "--output=/dev/null",
        "--error=/dev/null",
        "--chdir=/",
        "--export=NIL",
        "--mail-type=NONE",
        "--propagate=NONE",
    ]


def test_what_a_job_does_not_ask_for_is_not_said() -> None:
    words = " ".join(submit_options(replace(a_job(), gres="", account="")))

    assert "gres" not in words
    assert "account" not in words
    assert "qos" not in words
    assert "reservation" not in words


@pytest.mark.parametrize("value", ["", *BAD])
@pytest.mark.parametrize("field", ["name", "partition"])
def test_a_value_that_is_no_name_is_refused(field: str, value: str) -> None:
    with pytest.raises(SubmitRefusedError):
        submit_options(replace(a_job(), **{field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("field", ["account", "qos", "reservation", "gres"])
def test_an_optional_value_that_is_no_name_is_refused(field: str, value: str) -> None:
    with pytest.raises(SubmitRefusedError):
        submit_options(replace(a_job(), **{field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize("gres", ["gpu", "gpu:0", "gpu:1,craynetwork:1", "tpu:1", "gpu:mi250x:", "gpu:1:1:1"])
def test_a_gres_that_counts_no_gpus_is_refused(gres: str) -> None:
    with pytest.raises(SubmitRefusedError):
        submit_options(replace(a_job(), gres=gres))


@pytest.mark.parametrize("gres", ["gpu:1", "gpu:mi250x:8", "gpu:gh200_1g.12gb:1"])
def test_gpus_and_slices_may_be_asked_for(gres: str) -> None:
    assert f"--gres={gres}" in submit_options(replace(a_job(), gres=gres))


@pytest.mark.parametrize(
    ("field", "value"), [("cores", 0), ("memory_gb", -1), ("minutes", 0), ("minutes", 10**6)]
)
def test_a_size_out_of_bounds_is_refused(field: str, value: int) -> None:
    with pytest.raises(SubmitRefusedError):
        submit_options(replace(a_job(), **{field: value}))  # type: ignore[arg-type]


def test_a_script_goes_as_it_is() -> None:
    script = '#!/usr/bin/python3 -I\nWORDS = """says #SBATCH within a line"""\n'

    assert check_script(script) == script


@pytest.mark.parametrize(
    "script",
    [
        "",
        "echo no interpreter",
        "#!/bin/sh\n#SBATCH --uid=0\n",
        "#!/bin/sh\nx = 1\n  #SBATCH --exclusive\n",
        "#!/bin/sh\n#PBS -l x\n",
        "#!/bin/sh\n#BSUB -x\n",
        "#!/bin/sh\r\n#sbatch --exclusive\r\n",
        "#!/bin/sh\n\0",
    ],
)
def test_a_script_that_speaks_to_slurm_is_refused(script: str) -> None:
    with pytest.raises(SubmitRefusedError):
        check_script(script)
