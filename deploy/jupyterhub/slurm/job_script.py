"""The batch script of a server: the program that runs on the node, and one line that tells it what to do.

Whatever is in that line is a Python string of JSON in ASCII: no line of the script can begin with anything of it, so
nothing that anybody asked for becomes a directive of Slurm's or a command of a shell. There is no shell.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.jupyterhub.lab_environment import runner_command, session_command, session_environment
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.options import SpawnRequest
from deploy.jupyterhub.slurm.unix_accounts import AccountKind, is_shared

NODE: Final = Path(__file__).parent / "node"
OWN_IMPORT: Final = re.compile(r"^from deploy\.[^(\n]+\([^)]+\)\n", re.MULTILINE)


def read_program() -> str:
    """Both parts of it in one text: on a node there is nothing to import them from."""
    cleaning, job = ((NODE / name).read_text(encoding="utf-8") for name in ("cleaning.py", "job.py"))
    return cleaning + OWN_IMPORT.sub("", job)


PROGRAM: Final = read_program()


def make_script(request: SpawnRequest, factory: FactoryFile, told: Mapping[str, str]) -> str:
    """The script of one server; `told` is what JupyterHub tells any server by its environment, its token included.

    The script is secret for that: it goes to Slurm by standard input alone.
    """
    order = json.dumps(make_order(request, factory, told), ensure_ascii=True, sort_keys=True)
    # Isolated: neither the environment nor the account's own packages change what is imported.
    return f"#!{factory.nodes.python} -I\n{PROGRAM}\n\nmain(json.loads({order!r}))\n"


def make_order(request: SpawnRequest, factory: FactoryFile, told: Mapping[str, str]) -> dict[str, object]:
    nodes, is_grading = factory.nodes, request.kind == "grading"
    api_url = nodes.hub_api_url
    environment = {
        **told,
        "JUPYTERHUB_API_URL": api_url,
        "JUPYTERHUB_ACTIVITY_URL": f"{api_url}/users/{told['JUPYTERHUB_USER']}/activity",
    }
    shares = is_shared(factory, request.unix_account)
    argv: list[str] = []
    if is_grading and factory.grading:
        argv = runner_command(factory.grading.python)
        environment |= dict(factory.grading.environment)
        environment |= {"PYTHONPATH": factory.grading.project}
    elif request.kind == "session":
        argv = session_command(nodes.python, f"{nodes.files}/learner_server.py")
        environment |= session_environment(nodes.python, request.tools)
        environment |= {"JUPYTER_CONFIG_PATH": nodes.files, "PYTHONNOUSERSITE": "1"}
    if shares and factory.unix.robot:
        argv = [*factory.unix.robot.isolation, *argv]
    lends = request.account_kind in {AccountKind.POOL, AccountKind.ROBOT}
    return {
        "kind": request.kind,
        "code": request.code,
        # Where several people are in one account at once, nothing of it can be cleaned; each has a folder.
        "cleans_for": request.lease if lends and not shares else "",
        "folder": request.lease if shares else "",
        "hub_api_url": api_url,
        "listen": nodes.listen,
        "environment": environment,
        "argv": argv,
    }
