"""A learner against a real hub on a real Slurm, with every token and every command that they can get: nothing moves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.jupyterhub.browsing import log_in, xsrf
from tests.deploy.jupyterhub.running import run_code
from tests.deploy.jupyterhub.slurm.attempts import (
    ADA,
    ATHENS,
    BEN,
    EVE,
    GRADER,
    LEASE,
    find_attempts,
    find_posts,
    find_tokens,
    jobs_of_root,
    options,
    port_of,
    what_there_is,
)
from tests.servers import wait_for
from tests.servers.hub import RealHub, run_hub
from tests.servers.slurm import SLEEP, RealCluster

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def hub(slurm: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """Ada and Eve have sessions in accounts of the pool, and a grader runs."""
    with run_hub(
        tmp_path_factory.mktemp("hub"),
        write_factory_file=lambda address: slurm.write_factory_file(ATHENS, address),
    ) as hub:
        for number, learner in enumerate((ADA, EVE)):
            start(hub, learner, options(slurm, number))
        start(hub, GRADER, {"kind": "grading"})
        for each in (ADA, EVE, GRADER):
            wait_ready(hub, each)
        yield hub
    slurm.clear()


def start(hub: RealHub, learner: tuple[str, str], asked: dict[str, Any]) -> None:
    with hub.client() as client:
        client.ensure_user(learner[0])
        client.ensure_server(*learner, asked)


def wait_ready(hub: RealHub, learner: tuple[str, str]) -> None:
    with hub.client() as client:
        wait_for(lambda: hub.is_ready(client, *learner), seconds=90, what=f"{learner[1]} is ready")


def test_no_token_that_a_learner_can_get_moves_anything(hub: RealHub, slurm: RealCluster) -> None:
    tokens = find_tokens(hub)
    port_of_ada = port_of(hub, ADA)
    before = what_there_is(hub, slurm)
    api = f"http://127.0.0.1:{hub.hub.hub_port}/hub/api"

    with httpx.Client(timeout=30) as client:
        for name, token in tokens.items():
            headers = {"Authorization": f"token {token}"}
            assert client.get(f"{api}/user", headers=headers).status_code == 200, (
                f"{name} opens nothing at all"
            )
            for method, path, body in find_attempts(slurm):
                answer = client.request(method, f"{api}/{path}", headers=headers, json=body)
                assert answer.status_code in {403, 404, 405}, (name, method, path, answer.text)
            for body, refusals in find_posts(port_of_ada):
                answer = client.post(f"{api}/paja/listening", headers=headers, json=body)
                assert answer.status_code in refusals, (name, body, answer.text)

    assert what_there_is(hub, slurm) == before
    assert not jobs_of_root()


def test_a_browser_that_is_logged_in_moves_nothing(hub: RealHub, slurm: RealCluster) -> None:
    before = what_there_is(hub, slurm)

    with log_in(hub, EVE[0]) as browser:
        browser.follow_redirects = False
        origin, headers = hub.hub.origin, {"X-XSRFToken": xsrf(browser)}
        for method, path, body in find_attempts(slurm):
            answer = browser.request(method, f"{origin}/hub/api/{path}", headers=headers, json=body)
            assert answer.status_code in {403, 404, 405}, (method, path, answer.text)
        for page in ("spawn", f"spawn/{EVE[0]}/s-00000bad", f"spawn/{ADA[0]}/s-00000bad", "token", "admin"):
            asked = "partition=gpu&flavour=gpu&minutes=30&cmd=id"
            for method in ("GET", "POST"):
                browser.request(method, f"{origin}/hub/{page}?{asked}", headers=headers)

    assert what_there_is(hub, slurm) == before


# --- From within a job -----------------------------------------------------------------------------


AS_EVE = """
import glob, http.client, json, os, subprocess
environment = {{**os.environ, "SLURM_CONF": {conf!r}, "PATH": "/usr/bin:/bin"}}

def run(*argv, script=""):
    done = subprocess.run(argv, env=environment, input=script, capture_output=True, text=True, errors="replace")
    return done.stdout + done.stderr

def reads(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
    except OSError:
        return False

def opens(port, path, token=""):
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    server.request("GET", path, headers={{"Authorization": "token " + token}} if token else {{}})
    return server.getresponse().status
"""


def as_eve(hub: RealHub, slurm: RealCluster, code: str, learner: tuple[str, str] = EVE) -> Any:
    """What the last line of the code is worth; it is JSON."""
    *lines, last = code.strip().splitlines()
    body = "\n".join([AS_EVE.format(conf=str(slurm.conf(ATHENS))), *lines, f"print(json.dumps({last}))"])
    printed = run_code(hub, *learner, body)
    try:
        return json.loads(printed)
    except ValueError:
        pytest.fail(printed)


def job_of(slurm: RealCluster, server: str) -> str:
    return slurm.ask(ATHENS, "squeue", "--noheader", f"--name=paja-{server}", "--format=%A").strip()


def test_code_in_a_job_reaches_nothing_of_anothers(hub: RealHub, slurm: RealCluster) -> None:
    ada, grader = job_of(slurm, ADA[1]), job_of(slurm, GRADER[1])
    token = run_code(hub, *ADA, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
    places = [str(slurm.home(name)) for name in (slurm.learners(ATHENS)[0], slurm.grader(ATHENS))]
    before = what_there_is(hub, slurm)

    found = as_eve(
        hub,
        slurm,
        f"""
others = [path for path in glob.glob("/tmp/paja-????????") if os.stat(path).st_uid != os.getuid()]
read = [path for path in {places!r} + others + glob.glob("/dev/shm/paja*") if reads(path)]
pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
shown = []
for pid in pids:
    for name in ("environ", "cmdline"):
        try:
            if os.stat("/proc/" + pid).st_uid != os.getuid():
                shown.append(open(f"/proc/{{pid}}/{{name}}").read())
        except OSError:
            pass
told = [{token!r}, {hub.token!r}, "p-0000ada1"]
port, server = {port_of(hub, ADA)}, "/user/{ADA[0]}/{ADA[1]}/"
answers = [opens(port, server + path) for path in ("api/contents", "api/kernels", "lab")]
answers += [opens(port, server + "api/contents", os.environ["JUPYTERHUB_API_TOKEN"])]
slurm = [
    run(*words.split()) for words in (
        "scancel {ada}", "scancel {grader}", "scontrol update JobId={ada} JobName=x", "scontrol hold {ada}",
        "scontrol requeue {ada}", "scontrol write batch_script {ada} -", "scontrol show job {ada} --details",
    )
]
[len(others), read, [one for one in told if one in "".join(shown + slurm)], answers, slurm[:6]]
""",
    )

    others, read, secrets, answers, refusals = found
    assert others >= 1
    assert (read, secrets) == ([], [])
    assert set(answers) <= {302, 403, 404}
    assert all("ermission denied" in each or "nvalid user id" in each for each in refusals), refusals
    assert what_there_is(hub, slurm) == before


ODD_JOBS = """
names = ["paja-s-0000ada1", "a|b|c", "line\\nline", "\\u2028\\x0b\\x1c", "x" * 1000, "paja-s-0000ada1\\n1|RUNNING"]
submit = ["sbatch", "--parsable", "--chdir=/", "--output=/dev/null", "--partition=gpu", "--account=training"]
odd = [["--job-name=" + name] for name in names]
odd += [["--begin=9999-01-01"], ["--begin=now+999999999999"], ["--hold"], ["--array=1-500"], ["--nice=2147483645"]]
ids = [run(*submit, "--begin=now+2hours", *each, script={script!r}).strip() for each in odd]
own = os.environ["SLURM_JOB_ID"]
changes = [run("scontrol", "update", "JobId=" + own, change) for change in ("JobName=paja-s-0000ada1", "TimeLimit=600")]
[ids, changes]
"""


def test_whatever_a_learner_submits_or_calls_their_job_the_hub_hears_slurm_and_both_sessions_go_on(
    hub: RealHub, slurm: RealCluster
) -> None:
    """And none of it outlives the turn: the account is lent to the next person."""
    mine = job_of(slurm, EVE[1])
    with hub.client() as client:
        ids, changes = as_eve(hub, slurm, ODD_JOBS.format(script=SLEEP))
        assert all(job_id.isdigit() for job_id in ids), ids
        assert changes[0] == ""
        assert "ermission denied" in changes[1]

        def left() -> list[str]:
            listed = slurm.ask(
                ATHENS, "squeue", "--noheader", f"--user={slurm.learners(ATHENS)[1]}", "--format=%A"
            )
            return [job_id for job_id in listed.split() if job_id != mine]

        wait_for(lambda: not left(), seconds=60, what="her jobs are gone")
        queue = client.read_queue(None)
        told = {job.server: job.state for job in queue.jobs}

        assert queue.is_answering
        assert told == {ADA[1]: "RUNNING", EVE[1]: "RUNNING", GRADER[1]: "RUNNING"}
        assert all(hub.is_ready(client, *learner) for learner in (ADA, EVE))
    for learner in (ADA, EVE):
        assert run_code(hub, *learner, "print('here')").strip() == "here"


LEAVE = """
home = os.path.expanduser("~")
for folder in ("/.local/lib/python3.11/site-packages", "/paja/.ipython/profile_default/startup"):
    os.makedirs(home + folder, exist_ok=True)
for path in (
    "/.bashrc", "/.profile", "/.local/lib/python3.11/site-packages/usercustomize.py", "/paja/sitecustomize.py",
    "/paja/.ipython/profile_default/startup/0.py", "/json.py", "/paja/json.py",
):
    open(home + path, "w").write("open('/tmp/was-here-" + str(os.getuid()) + "', 'w')")
os.symlink("/etc", home + "/link"), os.mkfifo(home + "/.paja-lease-fifo"), os.chmod(home, 0o777)
os.rename(home + "/.paja-lease", home + "/old"), os.mkfifo(home + "/.paja-lease")
os.unlink(home + "/.paja-lock"), os.symlink("/etc/passwd", home + "/.paja-lock")
subprocess.Popen(["/bin/sleep", "7777"], start_new_session=True)
later = run("sbatch", "--parsable", "--chdir=/", "--output=/dev/null", "--partition=gpu", "--account=training",
            "--begin=now+3hours", script="#!/bin/sh\\nsleep 100\\n")
later.strip().isdigit()
"""

LOOK = """
home = os.path.expanduser("~")
mine = [pid for pid in os.listdir("/proc") if pid.isdigit() and os.stat("/proc/" + pid).st_uid == os.getuid()]
words = [open(f"/proc/{pid}/cmdline").read() for pid in mine]
shown = run("squeue", "--noheader", "--me", "--format=%j").split()
kept = [name for name in os.listdir(home) if name not in ("paja", ".paja-lock", ".paja-lease")]
was_run, is_asleep = os.path.exists(f"/tmp/was-here-{os.getuid()}"), any("7777" in each for each in words)
[kept, was_run, is_asleep, shown, oct(os.stat(home).st_mode & 0o777)]
"""


def test_what_a_learner_leaves_behind_meets_nobody(hub: RealHub, slurm: RealCluster) -> None:
    eve, ben = ("p-0000eee1", "s-0000eee2"), BEN
    start(hub, eve, options(slurm, 3))
    wait_ready(hub, eve)
    assert as_eve(hub, slurm, LEAVE, eve) is True
    hub.stop_server(*eve)

    start(hub, ben, options(slurm, 3, lease=f"{LEASE}9"))
    wait_ready(hub, ben)

    assert as_eve(hub, slurm, LOOK, ben) == [[], False, False, [f"paja-{ben[1]}"], "0o700"]
    assert "root" in Path("/etc/passwd").read_text()
    hub.stop_server(*ben)
