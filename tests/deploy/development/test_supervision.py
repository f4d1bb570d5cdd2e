"""What Supervisor is told."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.development.keys import ensure_keys
from deploy.development.place import Place
from deploy.development.programs import make_programs
from deploy.development.supervision import Supervision, bare_environment, quote, wait_for_earlier


@pytest.fixture
def config(tmp_path: Path) -> configparser.RawConfigParser:
    place = Place(port=8000, data=tmp_path / "with 50% and spaces")
    programs = make_programs(place, ensure_keys(tmp_path / "secrets", ["kajaani", "athens"]))
    parser = configparser.RawConfigParser()
    parser.read_string(Supervision(place, programs)._configuration())
    return parser


def test_everything_that_must_run_is_there(config: configparser.RawConfigParser) -> None:
    names = {
        section.removeprefix("program:") for section in config.sections() if section.startswith("program:")
    }

    assert names == {
        "redis", "web", "worker-sweeping", "worker-grading", "beat",
        "worker-spawning-kajaani", "worker-spawning-athens", "worker-visiting-kajaani", "worker-visiting-athens",
        "worker-grading-kajaani", "worker-grading-athens",
        "hub-kajaani", "hub-athens", "proxy-kajaani", "proxy-athens",
    }  # fmt: skip


def test_what_the_others_wait_for_is_stopped_last(config: configparser.RawConfigParser) -> None:
    assert config["group:base"]["programs"] == "redis,proxy-kajaani,proxy-athens"
    assert config.getint("group:base", "priority") < config.getint("group:paja", "priority")


def test_no_secret_stands_in_it(config: configparser.RawConfigParser, tmp_path: Path) -> None:
    text = "\n".join(value for section in config.sections() for value in config[section].values())

    for path in (tmp_path / "secrets").iterdir():
        assert path.read_text() not in text


def test_a_hub_gets_nothing_that_is_the_platforms(config: configparser.RawConfigParser) -> None:
    environment = config["program:hub-kajaani"]["environment"]

    assert "SECRET_KEY" not in environment
    assert "DATABASE" not in environment
    assert "athens" not in environment
    assert "hub_token_kajaani" in environment


def test_words_are_quoted_against_supervisors_own_expansion() -> None:
    assert quote('50% "of" \\ it') == '"50%% \\"of\\" \\\\ it"'


def test_make_and_other_environments_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAKEFLAGS", "VIRTUAL_ENV", "PYTHONPATH", "PAJA_PORT", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("HTTPS_PROXY", "kept")

    environment = bare_environment()

    assert environment["HTTPS_PROXY"] == "kept"
    assert environment["PATH"] == os.environ["PATH"]
    assert not [
        name for name in environment if name.startswith(("MAKE", "VIRTUAL", "PYTHONPATH", "PAJA", "DJANGO"))
    ]


@pytest.mark.parametrize("is_ours", [True, False])
def test_the_end_of_a_killed_runs_supervisord_is_waited_for_and_nobody_elses(
    tmp_path: Path, is_ours: bool
) -> None:
    seconds = 0.5 if is_ours else 60
    words = [str(tmp_path / "supervisord.conf")] if is_ours else []
    earlier = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})", *words])
    (tmp_path / "supervisord.pid").write_text(f"{earlier.pid}\n")

    wait_for_earlier(tmp_path)

    assert psutil.pid_exists(earlier.pid) is not is_ours
    earlier.kill()
    earlier.wait()


def test_where_nothing_ran_nothing_is_waited_for(tmp_path: Path) -> None:
    wait_for_earlier(tmp_path)
