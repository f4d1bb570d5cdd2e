"""Two people at once in a robot's account, kept apart by a command of the site's; here that is bubblewrap."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.jupyterhub.slurm.job_script import make_script
from deploy.jupyterhub.slurm.options import read_options
from labs.box import find_bubblewrap
from tests.deploy.jupyterhub.slurm.factory_files import read_factory
from tests.deploy.jupyterhub.slurm.node.test_job import Hub, hub  # noqa: F401
from tests.deploy.jupyterhub.slurm.spawners import ASKED, LEASE

OTHER = LEASE.replace("1f00ba12", "2f00ba12")
# In the place of the learner's server: what it can see, and the socket that it was handed.
LOOKS = """
import json, os, socket, sys
from pathlib import Path
root, home = Path(os.environ["PAJA_LAB_ROOT"]), Path(os.environ["HOME"])
listener = socket.socket(fileno=int(os.environ["PAJA_LISTEN_FD"]))
(root / "notes.txt").write_text("mine")
seen = sorted(str(path.relative_to(home)) for path in home.rglob("notes.txt"))
(root / "seen").write_text(json.dumps({"port": listener.getsockname()[1], "notes": seen, "cwd": os.getcwd()}))
"""
HERE = """
import types
pwd.getpwuid = lambda _uid: types.SimpleNamespace(pw_dir={home!r}, pw_name="robot1")
SHARED_PLACES = ({shared!r},)
main("""


@pytest.mark.live
def test_two_people_in_one_account_do_not_see_each_other(tmp_path: Path, hub: Hub) -> None:  # noqa: F811
    home, files, shared = (tmp_path / name for name in ("robot1", "files", "shared"))
    for folder in (home, files, shared):
        folder.mkdir()
    (files / "learner_server.py").write_text(LOOKS)
    isolation = [str(find_bubblewrap()), "--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", str(home)]
    isolation += ["--bind", "{root}", "{root}", "--bind", "{runtime}", "{runtime}", "--"]
    factory = read_factory(
        tmp_path,
        (
            'robot = { name = "robot1" }',
            f'robot = {{ name = "robot1", isolation = {json.dumps(isolation)} }}',
        ),
        ('"/opt/lab/bin/python"', json.dumps(sys.executable)),
        ('"/opt/paja/learner"', json.dumps(str(files))),
        ("http://10.0.0.1:8081/hub/api", f"http://127.0.0.1:{hub.server_address[1]}/hub/api"),
    )
    hub.statuses = [204, 204]

    for lease in (LEASE, OTHER):
        request = read_options({**ASKED, "unix_account": "robot1", "lease": lease}, factory, is_grader=False)
        told = {
            "JUPYTERHUB_API_TOKEN": "secret",
            "JUPYTERHUB_USER": "p-1",
            "JUPYTERHUB_SERVICE_PREFIX": "/user/p-1/s-1/",
        }
        script = make_script(request, factory, told)
        program, _, call = script.rpartition("\nmain(")
        subprocess.run(
            [sys.executable, "-I", "-"],
            input=program + HERE.format(home=str(home), shared=str(shared)) + call,
            text=True,
            check=True,
            timeout=60,
        )

    seen = {lease: json.loads((home / "paja" / lease / "seen").read_text()) for lease in (LEASE, OTHER)}
    assert [each["port"] for each in seen.values()] == [body["port"] for _, body in hub.heard]
    for lease, each in seen.items():
        assert each["notes"] == [f"paja/{lease}/notes.txt"]
        assert each["cwd"] == str(home / "paja" / lease)
