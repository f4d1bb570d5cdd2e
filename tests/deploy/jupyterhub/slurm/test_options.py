"""What Paja, or whoever speaks for it, may ask of a server. Whatever is not in the factory's file runs nowhere."""

from pathlib import Path
from typing import Any

import pytest

from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.options import OptionsRefusedError, read_options
from deploy.jupyterhub.slurm.unix_accounts import AccountKind
from tests.deploy.jupyterhub.slurm.factory_files import read_factory

LEASE = "1f00ba12-0000-4000-8000-000000000001"
ASKED: dict[str, Any] = {
    "kind": "session",
    "tools": ["terminal"],
    "partition": "small-g",
    "flavour": "gcd-1",
    "minutes": 240,
    "account": "project_465000001",
    "qos": "course",
    "reservation": "AI_workshop1",
    "unix_account": "train01",
    "lease": LEASE,
}

CHECK = {"kind": "check", "unix_account": "lumiada", "lease": "", "code": "ABCD-EFGH-JKLM"}


@pytest.fixture
def factory(tmp_path: Path) -> FactoryFile:
    return read_factory(tmp_path)


def test_a_session_becomes_a_job_of_exactly_what_was_asked(factory: FactoryFile) -> None:
    request = read_options(ASKED, factory, is_grader=False)

    job = request.job("paja-s-1f00ba12")
    assert (job.partition, job.gres, job.cores, job.memory_gb, job.minutes) == (
        "small-g",
        "gpu:1",
        7,
        60,
        240,
    )
    assert (job.account, job.qos, job.reservation) == ("project_465000001", "course", "AI_workshop1")
    assert (job.unix_account, request.account_kind, request.tools) == (
        "train01",
        AccountKind.POOL,
        ("terminal",),
    )


def test_what_is_left_out_is_slurms_default(factory: FactoryFile) -> None:
    left_out = {name: ASKED[name] for name in ASKED.keys() - {"kind", "tools", "qos", "reservation"}}

    request = read_options(left_out, factory, is_grader=False)

    assert (request.kind, request.qos, request.reservation, request.tools) == ("session", "", "", ())


def test_a_check_is_a_job_of_one_minute_in_an_account_of_ones_own(factory: FactoryFile) -> None:
    asked = {**ASKED, **CHECK, "minutes": 480}

    request = read_options(asked, factory, is_grader=False)

    assert (request.kind, request.minutes, request.account_kind) == ("check", 1, AccountKind.OWN)
    assert request.code == "ABCD-EFGH-JKLM"


@pytest.mark.parametrize(
    "code",
    [
        None,
        1,
        "ABCD-EFGH",
        "abcd-efgh-jklm",
        "ABCD-EFGH-JKL0",
        "ABCD-EFGH-JKLM\n",
        "ABCD-EFGH-JKLM-NPQR",
        ["ABCD"],
    ],
)
def test_a_check_says_which_code_is_to_be_there_or_that_there_is_none(
    factory: FactoryFile, code: object
) -> None:
    assert read_options({**ASKED, **CHECK, "code": ""}, factory, is_grader=False).code == ""

    with pytest.raises(OptionsRefusedError) as refusal:
        read_options({**ASKED, **CHECK, "code": code}, factory, is_grader=False)

    assert refusal.value.reason == "option_unknown"


def test_a_check_without_a_word_of_a_code_and_a_session_with_one_are_refused(factory: FactoryFile) -> None:
    silent = {name: value for name, value in {**ASKED, **CHECK}.items() if name != "code"}
    for asked in (silent, {**ASKED, "code": ""}):
        with pytest.raises(OptionsRefusedError) as refusal:
            read_options(asked, factory, is_grader=False)
        assert refusal.value.reason == "option_unknown"


def test_an_account_that_is_lent_is_not_tried_out(factory: FactoryFile) -> None:
    with pytest.raises(OptionsRefusedError) as refusal:
        read_options({**ASKED, **CHECK, "unix_account": "train01", "lease": LEASE}, factory, is_grader=False)

    assert refusal.value.reason == "unix_account_refused"


def test_grading_is_what_the_file_says_and_the_graders_alone(factory: FactoryFile) -> None:
    job = read_options({"kind": "grading"}, factory, is_grader=True).job("paja-g-00000001")

    assert (job.unix_account, job.minutes) == ("grader", 60)
    for options, is_grader in (({"kind": "grading"}, False), (ASKED, True), ({}, True)):
        with pytest.raises(OptionsRefusedError):
            read_options(options, factory, is_grader=is_grader)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("partition", "standard-g", "partition_unknown"),
        ("partition", "interactive", "flavour_unknown"),
        ("partition", "small-g\n#SBATCH --uid=0", "partition_unknown"),
        ("partition", "small‐g", "partition_unknown"),  # another dash
        ("partition", ["small-g"], "partition_unknown"),
        ("partition", None, "partition_unknown"),
        ("flavour", "gcd-1 ", "flavour_unknown"),
        ("flavour", {"slug": "gcd-1"}, "flavour_unknown"),
        ("minutes", 481, "minutes_too_many"),
        ("minutes", 10**30, "minutes_too_many"),
        ("minutes", 0, "option_unknown"),
        ("minutes", -5, "option_unknown"),
        ("minutes", True, "option_unknown"),
        ("minutes", 60.0, "option_unknown"),
        ("minutes", "60", "option_unknown"),
        ("minutes", None, "option_unknown"),
        ("account", "project_999", "account_unknown"),
        ("account", "", "account_unknown"),
        ("account", "project_465000001; id", "account_unknown"),
        ("qos", "high", "qos_unknown"),
        ("qos", None, "qos_unknown"),
        ("reservation", "other", "reservation_unknown"),
        ("reservation", "AI_workshop1\n", "reservation_unknown"),
        ("reservation", "AI_workshop١", "reservation_unknown"),  # an Arabic one
        ("reservation", 1, "reservation_unknown"),
        ("unix_account", "root", "unix_account_refused"),
        ("unix_account", "grader", "unix_account_refused"),
        ("unix_account", "train03", "unix_account_refused"),
        ("unix_account", "lumi\nroot", "unix_account_refused"),
        ("unix_account", "lumi٣abc", "unix_account_refused"),
        ("unix_account", "-u", "unix_account_refused"),
        ("unix_account", ["train01"], "unix_account_refused"),
        ("lease", "", "unix_account_refused"),  # an account that is lent is somebody's for a time
        ("lease", LEASE + "\n", "unix_account_refused"),
        ("lease", "../../etc", "unix_account_refused"),
        ("lease", 7, "unix_account_refused"),
        ("tools", "terminal", "option_unknown"),
        ("tools", ["shell"], "option_unknown"),
        ("tools", [["terminal"]], "option_unknown"),
        ("kind", "admin", "option_unknown"),
        ("kind", ["session"], "option_unknown"),
        ("kind", None, "option_unknown"),
        ("cmd", "id", "option_unknown"),
        ("prologue", "curl x | sh", "option_unknown"),
        ("options", "#SBATCH --uid=0", "option_unknown"),
        ("batch_cancel_cmd", "id", "option_unknown"),
        ("homedir", "/root", "option_unknown"),
        (1, "x", "option_unknown"),
    ],
)
def test_what_the_file_does_not_offer_is_refused_with_a_reason(
    name: Any, value: object, reason: str, factory: FactoryFile
) -> None:
    with pytest.raises(OptionsRefusedError) as raised:
        read_options({**ASKED, name: value}, factory, is_grader=False)

    assert raised.value.reason == reason


@pytest.mark.parametrize("options", [None, [], "session", 7, [("kind", "session")]])
def test_options_that_are_no_object_are_refused(options: object, factory: FactoryFile) -> None:
    with pytest.raises(OptionsRefusedError):
        read_options(options, factory, is_grader=False)
