"""How Slurm's commands are called, by programs in their place that note how."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.local import SUBMITS_AT_ONCE, LocalSlurm
from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError
from tests.fakes.scheduler import a_job

SCRIPT = "#!/usr/bin/python3 -I\nTOKEN = 'a-secret'\n"
SINCE = datetime(2026, 11, 22, tzinfo=UTC)
NOTE = """#!{python} -I
import json, os, pathlib, sys
said = {{"argv": [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]], "environment": dict(os.environ)}}
if {reads}:
    said["stdin"] = sys.stdin.read()
with open({log!r}, "a") as log:
    log.write(json.dumps(said) + "\\n")
{rest}
"""
SUDO = "os.execvp(sys.argv[5], sys.argv[5:])"


class Commands:
    """A folder of programs that note how they were called; `say` decides what one answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        for name in ("sbatch", "scancel", "squeue", "sinfo", "scontrol", "sacct"):
            self.say(name, "print('4711')" if name == "sbatch" else "")
        self.say("sudo", SUDO)

    def say(self, name: str, rest: str) -> None:
        path = self.folder / name
        text = NOTE.format(python=sys.executable, log=str(self.log), reads=name == "sbatch", rest=rest)
        path.write_text(text)
        path.chmod(0o755)

    def calls(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def words(self) -> list[list[str]]:
        return [[str(word) for word in call["argv"]] for call in self.calls()]  # type: ignore[attr-defined]


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def local(
    commands: Commands, *, become: tuple[str, ...] = ("sudo", "-n", "-u", "{unix_account}", "--")
) -> LocalSlurm:
    return LocalSlurm(
        partitions=["small-g"],
        prefix="paja-",
        conf="/etc/slurm/of-the-factory.conf",
        become=become,
        accounts=["project_465000001"],
        path=f"{commands.folder}:/usr/bin:/bin",
    )


def test_a_job_is_submitted_as_its_account_with_its_script_on_standard_input(commands: Commands) -> None:
    assert asyncio.run(local(commands).submit(a_job(), SCRIPT)) == "4711"

    sudo, sbatch = commands.calls()
    assert sudo["argv"][:8] == [  # type: ignore[index]
        "sudo", "-n", "-u", "train01", "--", "/usr/bin/env", "SLURM_CONF=/etc/slurm/of-the-factory.conf", "sbatch",
    ]  # fmt: skip
    assert sbatch["stdin"] == SCRIPT
    assert "a-secret" not in json.dumps([sudo["argv"], sbatch["argv"], sbatch["environment"]])


def test_a_command_sees_of_the_hub_nothing_but_what_slurm_needs(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "a-secret")
    monkeypatch.setenv("SBATCH_ACCOUNT", "another")
    monkeypatch.setenv("TZ", "Europe/Helsinki")
    asyncio.run(local(commands).read_queue())

    (call,) = commands.calls()
    environment = call["environment"]
    assert isinstance(environment, dict)
    assert environment.items() >= {
        "TZ": "UTC", "SLURM_TIME_FORMAT": "%s", "SLURM_CONF": "/etc/slurm/of-the-factory.conf",
    }.items()  # fmt: skip
    assert set(environment) == {"PATH", "LC_ALL", "TZ", "SLURM_TIME_FORMAT", "SLURM_CONF"}


def test_questions_are_asked_as_the_hub_itself(commands: Commands) -> None:
    commands.say("scontrol", "print('No reservations in the system')")
    slurm = local(commands)

    async def read() -> None:
        await slurm.read_queue()
        await slurm.read_partitions()
        await slurm.read_reservations()
        await slurm.read_ended(SINCE)

    asyncio.run(read())
    assert [words[0] for words in commands.words()] == ["squeue", "sinfo", "scontrol", "sacct"]
    assert slurm.questions == {"queue": 1, "partitions": 1, "reservations": 1, "ended": 1}


def test_without_an_account_or_a_way_to_it_the_hub_submits_itself(commands: Commands) -> None:
    asyncio.run(local(commands).submit(replace(a_job(), unix_account=""), SCRIPT))
    asyncio.run(local(commands, become=()).submit(a_job(), SCRIPT))

    assert [words[0] for words in commands.words()] == ["sbatch", "sbatch"]


@pytest.mark.parametrize("account", ["-u root", "root;id", "train01 train02", "train01\n"])
def test_an_account_that_is_no_name_reaches_no_command(commands: Commands, account: str) -> None:
    with pytest.raises(SubmitRefusedError):
        asyncio.run(local(commands).submit(replace(a_job(), unix_account=account), SCRIPT))
    with pytest.raises(SubmitRefusedError):
        asyncio.run(local(commands).cancel([("1", account)]))
    assert not commands.log.exists()


def test_a_script_that_speaks_to_slurm_reaches_no_command(commands: Commands) -> None:
    with pytest.raises(SubmitRefusedError):
        asyncio.run(local(commands).submit(a_job(), SCRIPT + "#SBATCH --uid=0\n"))
    assert not commands.log.exists()


def test_a_refusal_has_its_reason(commands: Commands) -> None:
    commands.say("sbatch", "sys.exit('sbatch: error: QOSMaxSubmitJobPerUserLimit')")

    with pytest.raises(SubmitRefusedError) as refused:
        asyncio.run(local(commands).submit(a_job(), SCRIPT))
    assert refused.value.reason == "too_many_jobs"


@pytest.mark.parametrize(
    "rest",
    [
        "sys.exit('sbatch: error: Batch job submission failed: Socket timed out on send/recv operation')",
        "sys.exit(1)",
        "print('Submitted batch job 4711')",
        "",
    ],
)
def test_who_gets_no_answer_knows_nothing(commands: Commands, rest: str) -> None:
    commands.say("sbatch", rest)

    with pytest.raises(SchedulerUnavailableError):
        asyncio.run(local(commands).submit(a_job(), SCRIPT))


def test_a_question_that_fails_is_no_empty_queue(commands: Commands) -> None:
    commands.say("squeue", "sys.exit('slurm_load_jobs error: Unable to contact slurm controller')")

    with pytest.raises(SchedulerUnavailableError, match="Unable to contact"):
        asyncio.run(local(commands).read_queue())


def test_jobs_of_one_account_are_cancelled_by_one_command(commands: Commands) -> None:
    slurm = local(commands)
    asyncio.run(slurm.cancel([("1", "train01"), ("2", "train02"), ("3", "train01")]))

    cancelled = sorted(words for words in commands.words() if words[0] == "scancel")
    assert cancelled == [["scancel", "1", "3"], ["scancel", "2"]]
    assert slurm.questions == {"cancel": 2}


def test_one_that_cannot_be_cancelled_keeps_no_other_from_it(commands: Commands) -> None:
    commands.say("sudo", f"if sys.argv[3] == 'train01': sys.exit('sudo: no')\n{SUDO}")

    with pytest.raises(SchedulerUnavailableError, match="sudo: no"):
        asyncio.run(local(commands).cancel([("1", "train01"), ("2", "train02")]))
    assert ["scancel", "2"] in commands.words()


def test_a_class_that_presses_at_once_submits_a_few_at_a_time(commands: Commands) -> None:
    running = commands.folder / "running"
    running.mkdir()
    commands.say(
        "sbatch",
        f"import time\nmine = pathlib.Path({str(running)!r}) / str(os.getpid())\nmine.touch()\n"
        "at_once = len(list(mine.parent.iterdir()))\ntime.sleep(0.05)\nmine.unlink()\nprint(1000 + at_once)",
    )

    async def press() -> list[str]:
        slurm = local(commands, become=())
        return await asyncio.gather(*(slurm.submit(a_job(), SCRIPT) for _ in range(4 * SUBMITS_AT_ONCE)))

    at_once = [int(job_id) - 1000 for job_id in asyncio.run(press())]
    assert max(at_once) <= SUBMITS_AT_ONCE
