"""Sessions as jobs of a real Slurm: what they get, what they show, and what a learner's own code can do against it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.slurm.unix_accounts import sudo
from labs.work.account_codes import make_line
from tests.deploy.jupyterhub.running import run_code
from tests.servers import wait_for
from tests.servers.hub import RealHub, run_hub
from tests.servers.slurm import RealCluster

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(300)]

KAJAANI = "kajaani"
ADA, EVE = ("p-0000ada1", "s-0000ada1"), ("p-0000eee1", "s-0000eee1")
LEASES = ("1f00ba12-0000-4000-8000-000000000001", "1f00ba12-0000-4000-8000-000000000002")

LIST_ARGUMENTS = """
from pathlib import Path
for path in Path("/proc").glob("[0-9]*/cmdline"):
    print(path.read_text().replace(chr(0), " "))
"""


@pytest.fixture(scope="module")
def hub(slurm: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """Ada and eve each have a session that runs."""
    with run_hub(
        tmp_path_factory.mktemp("hub"),
        write_factory_file=lambda address: slurm.write_factory_file(KAJAANI, address),
    ) as hub:
        for number, (user, server) in enumerate((ADA, EVE)):
            ask_for(hub, user, server, options(slurm, unix_account=slurm.learners(KAJAANI)[number]))
        for user, server in (ADA, EVE):
            wait_ready(hub, user, server)
        yield hub
    slurm.clear()


@pytest.fixture(scope="module")
def adas_token(hub: RealHub) -> str:
    """As her own code finds it in her session."""
    return run_code(hub, *ADA, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()


def options(slurm: RealCluster, **changes: Any) -> dict[str, Any]:
    asked = {
        "kind": "session", "partition": "small-g", "flavour": "1-gcd", "minutes": 30, "lease": "",
        "account": "project_465000001", "unix_account": slurm.learners(KAJAANI)[2],
    }  # fmt: skip
    return {**asked, **changes}


def ask_for(hub: RealHub, user: str, server: str, asked: dict[str, Any]) -> None:
    with hub.client() as client:
        client.ensure_user(user)
        client.ensure_server(user, server, asked)


def wait_ready(hub: RealHub, user: str, server: str) -> None:
    with hub.client() as client:
        wait_for(lambda: hub.is_ready(client, user, server), seconds=90, what=f"{server} is ready")


def tell(hub: RealHub, token: str, body: object) -> int:
    """Post to the hub as a job does."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(
        f"http://127.0.0.1:{hub.hub.hub_port}/hub/api/paja/listening",
        content=content,
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
    ).status_code


def test_each_session_sees_a_gpu_of_its_own(hub: RealHub) -> None:
    names = ("SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    code = f"import os; print(*(os.environ[name] for name in {names}))"

    seen = [run_code(hub, *learner, code).split() for learner in (ADA, EVE)]

    assert all(len(words) == 3 for words in seen)
    assert seen[0][0] != seen[1][0]
    assert seen[0][1:] != seen[1][1:]  # both run on the first node


def test_the_list_of_jobs_shows_nothing_of_a_person(
    hub: RealHub, slurm: RealCluster, adas_token: str
) -> None:
    shown = slurm.ask(KAJAANI, "scontrol", "show", "job", "--details")
    arguments = run_code(hub, *EVE, LIST_ARGUMENTS)

    assert "paja-s-0000ada1" in shown
    for secret in (adas_token, ADA[0], EVE[0], "PAJA_", "JUPYTERHUB"):
        assert secret not in shown
        assert secret not in arguments


def test_a_learner_reads_neither_anothers_files_nor_sockets(hub: RealHub, slurm: RealCluster) -> None:
    run_code(hub, *ADA, "open('secret.txt', 'w').write('of ada')")
    home = slurm.home(slurm.learners(KAJAANI)[0])
    assert (home / "paja" / "secret.txt").read_text() == "of ada"
    assert (home.stat().st_mode & 0o777, (home / "paja").stat().st_mode & 0o777) == (0o700, 0o700)
    runtime = run_code(hub, *ADA, "import os; print(os.environ['JUPYTER_RUNTIME_DIR'])").strip()
    code = f"""
import os
for path in [{str(home)!r}, {str(home / "paja")!r}, {str(home / "paja" / "secret.txt")!r}, {runtime!r}]:
    try:
        print(os.listdir(path) if os.path.isdir(path) else open(path).read())
    except PermissionError:
        print("closed")
"""

    assert run_code(hub, *EVE, code).split() == ["closed"] * 4


def test_kernels_are_spoken_to_over_sockets_in_a_closed_folder(hub: RealHub) -> None:
    code = """
import json, os
from ipykernel.connect import get_connection_file, get_connection_info
file = get_connection_file()
print(json.loads(get_connection_info())["transport"], oct(os.stat(os.path.dirname(os.path.dirname(file))).st_mode))
"""

    assert run_code(hub, *ADA, code).split() == ["ipc", "0o40700"]


@pytest.mark.parametrize(
    "body",
    [
        {"port": 22},
        {"port": 40001.0},
        {"port": True},
        {"port": "40001"},
        {"port": 40001, "ip": "10.0.0.1"},
        {"cmd": "id"},
        {"batch_cancel_cmd": "id"},
        {"exec_prefix": "sh -c"},
        {"user_options": {}},
        [["port", 40001]],
        b"{" * 60,
        b'{"port": 40001, "x": "' + b"x" * 100_000 + b'"}',
    ],
    ids=range(12),
)
def test_what_is_no_post_of_a_jobs_is_refused(body: object, hub: RealHub, adas_token: str) -> None:
    assert tell(hub, adas_token, body) == 400


def test_code_in_a_session_cannot_move_it_or_another(hub: RealHub, adas_token: str) -> None:
    """To a port of its own choice, to another learner's server, by its token or one that it can get."""
    with hub.client() as client:
        browsers = client.create_server_token(*ADA, expires_in=60).token
        before = [client.find_server(*learner) for learner in (ADA, EVE)]
    address = run_code(hub, *EVE, "import os; print(os.environ['JUPYTERHUB_SERVICE_URL'])")
    port_of_eve = int(address.split(":")[2].split("/")[0])

    assert tell(hub, adas_token, {"port": 40_001}) == 403
    assert tell(hub, adas_token, {"port": port_of_eve}) == 403
    assert tell(hub, adas_token, {"checked": True}) == 403
    for wrong in (browsers, hub.token, "x" * 32):
        assert tell(hub, wrong, {"port": 40_001}) == 403

    with hub.client() as client:
        after = [client.find_server(*learner) for learner in (ADA, EVE)]
    assert [model and (model.is_ready, model.url_path, model.started_at) for model in after] == [
        model and (True, model.url_path, model.started_at) for model in before
    ]
    assert run_code(hub, *ADA, "print('here')").strip() == "here"


def test_batchspawners_callback_is_not_there(hub: RealHub, adas_token: str) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{hub.hub.hub_port}/hub/api/batchspawner",
        json={"batch_cancel_cmd": "id"},
        headers={"Authorization": f"token {adas_token}"},
    )

    assert answer.status_code == 404


def test_what_is_refused_becomes_no_job_and_is_told_with_its_reason(hub: RealHub, slurm: RealCluster) -> None:
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "s-00000001": ({"partition": "largemem"}, "partition_unknown"),
        "s-00000002": ({"cmd": "touch /tmp/x"}, "option_unknown"),
        "s-00000003": ({"account": "x\n#SBATCH --uid=0"}, "account_unknown"),
        "s-00000004": ({"unix_account": "root"}, "unix_account_refused"),
        "s-00000005": ({"unix_account": slurm.learners(KAJAANI)[0]}, "unix_account_in_use"),
        "s-00000006": ({"minutes": 10**6}, "minutes_too_many"),
    }
    before = slurm.list_jobs(KAJAANI)
    with hub.client() as client:
        client.ensure_user("p-0000bad1")
        for server, (changes, _) in wrong.items():
            path = f"/hub/api/users/p-0000bad1/servers/{server}"
            httpx.post(
                f"{hub.inside}{path}",
                json={"user_options": options(slurm, **changes)},
                headers={"Authorization": f"token {hub.token}", "Host": hub.host},
            )

        def refused() -> dict[str, str]:
            told = {each.server: each.reason for each in client.read_queue(None).refused}
            return told if wrong.keys() <= told.keys() else {}

        reasons = wait_for(refused, seconds=20, what="the refusals are told")

    assert {server: reasons[server] for server in wrong} == {
        server: reason for server, (_, reason) in wrong.items()
    }
    assert slurm.list_jobs(KAJAANI) == before


def test_an_account_is_emptied_for_the_next_person_and_kept_for_the_same(
    hub: RealHub, slurm: RealCluster
) -> None:
    robot = slurm.robot(KAJAANI)
    home = slurm.home(robot)
    leave = """
import os, subprocess
os.makedirs("closed/below"); open("closed/below/file", "w").write("x"); os.chmod("closed", 0)
open(os.path.expanduser("~/.profile-of-ada"), "w").write("x")
open("notes.txt", "w").write("of ada")
"""
    for person, server, lease in (
        ("p-0000ada1", "s-0000ada5", LEASES[0]),
        ("p-0000ada1", "s-0000ada6", LEASES[0]),
        ("p-0000eee1", "s-0000eee5", LEASES[1]),
    ):
        ask_for(hub, person, server, options(slurm, unix_account=robot, lease=lease))
        wait_ready(hub, person, server)
        if server == "s-0000ada5":
            run_code(hub, person, server, leave)
        elif server == "s-0000ada6":
            assert run_code(hub, person, server, "print(open('notes.txt').read())").strip() == "of ada"
        else:
            assert run_code(hub, person, server, "import os; print(os.listdir())").strip() in {
                "[]",
                "['.ipython']",
            }
            assert not (home / ".profile-of-ada").exists()
        hub.stop_server(person, server)
    assert not [name for name in slurm.ask(KAJAANI, "squeue", "-h", "-o", "%j").split() if name.endswith("5")]


def test_an_own_account_is_tried_out_once_its_owner_has_said_whose_it_is(
    hub: RealHub, slurm: RealCluster
) -> None:
    """Whoever asks for a check of somebody else's account has nothing of it, and leaves nothing in it."""
    name, code = slurm.learners(KAJAANI)[4], "ABCD-EFGH-JKLM"
    home = slurm.home(name)
    asked = options(slurm, kind="check", minutes=1, unix_account=name, code=code)
    with hub.client() as client:

        def check(server: str) -> tuple[str, bool, str]:
            ask_for(hub, "p-0000ada1", server, asked)

            def told() -> list[tuple[str, bool, str]]:
                answers = client.read_queue(None).checks
                return [
                    (each.unix_account, each.is_passed, each.reason)
                    for each in answers
                    if each.server == server
                ]

            wait_for(told, seconds=60, what="the check is told")
            model = client.find_server("p-0000ada1", server)
            assert model is None or not model.is_ready
            return told()[0]

        assert check("v-0000ada1") == (name, False, "code_missing")
        assert not (home / "paja").exists()

        sudo(name, ["sh", "-c", make_line(code)], {"HOME": str(home)})
        assert check("v-0000ada2") == (name, True, "")


def test_the_grader_is_a_job_as_the_file_says(hub: RealHub, slurm: RealCluster) -> None:
    ask_for(hub, "p-grader", "g-00000001", {"kind": "grading"})
    wait_ready(hub, "p-grader", "g-00000001")

    listed = slurm.ask(KAJAANI, "squeue", "--noheader", "--name=paja-g-00000001", "--format=%u %P")
    assert listed.split() == [slurm.grader(KAJAANI), "small-g"]
    hub.stop_server("p-grader", "g-00000001")
