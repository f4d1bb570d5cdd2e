"""The batch script: what it tells a node, and that nothing in it can be read as anything else."""

import ast
import json
import re
from pathlib import Path
from typing import Any

from deploy.jupyterhub.slurm.checking import check_script
from deploy.jupyterhub.slurm.factory_file import FactoryFile
from deploy.jupyterhub.slurm.job_script import PROGRAM, make_order, make_script
from deploy.jupyterhub.slurm.options import read_options
from tests.deploy.jupyterhub.slurm.factory_files import read_factory, read_shared
from tests.deploy.jupyterhub.slurm.spawners import ASKED, LEASE

TOLD = {
    "JUPYTERHUB_API_TOKEN": "secret",
    "JUPYTERHUB_USER": "p-0000ada1",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/p-0000ada1/s-0000ada1/",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
}


def order(factory: FactoryFile, *, is_grader: bool = False, **options: Any) -> dict[str, Any]:
    asked = {"kind": "grading"} if is_grader else {**ASKED, **options}
    return make_order(read_options(asked, factory, is_grader=is_grader), factory, TOLD)


def test_the_script_is_python_without_a_word_to_slurm_or_a_shell(tmp_path: Path) -> None:
    factory = read_factory(tmp_path)
    hostile = {
        **TOLD,
        "JUPYTERHUB_USER": "x\n#SBATCH --uid=0\n'''); import os; os.system('id') #\u2028\r#SBATCH",
    }
    request = read_options(ASKED, factory, is_grader=False)

    script = make_script(request, factory, hostile)

    assert script.startswith("#!/opt/lab/bin/python -I\n")
    assert check_script(script) == script
    assert not re.search(r"^\s*#SBATCH", script, re.MULTILINE)
    last = ast.parse(script).body[-1]
    assert isinstance(last, ast.Expr)
    assert ast.unparse(last).startswith("main(json.loads(")
    told = json.loads(ast.literal_eval(last.value.args[0].args[0]))  # type: ignore[attr-defined]
    assert told["environment"]["JUPYTERHUB_USER"] == hostile["JUPYTERHUB_USER"]
    assert script.isascii()


def test_the_program_needs_nothing_beside_it() -> None:
    modules = {
        name
        for node in ast.walk(ast.parse(PROGRAM))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not [name for name in modules if name.startswith(("deploy", "jupyter", "tornado"))]
    for shell in ("subprocess", "os.system", "popen", "shell=True"):
        assert shell not in PROGRAM


def test_a_session_runs_the_learners_server_with_the_hubs_address_of_the_nodes(tmp_path: Path) -> None:
    told = order(read_factory(tmp_path), tools=["terminal"])

    assert told["argv"] == ["/opt/lab/bin/python", "-P", "/opt/paja/learner/learner_server.py"]
    environment = told["environment"]
    assert environment["JUPYTERHUB_API_URL"] == "http://10.0.0.1:8081/hub/api"
    assert environment["JUPYTERHUB_ACTIVITY_URL"] == "http://10.0.0.1:8081/hub/api/users/p-0000ada1/activity"
    assert (environment["PAJA_LAB_TOOLS"], environment["JUPYTER_CONFIG_PATH"]) == (
        "terminal",
        "/opt/paja/learner",
    )


def test_an_account_that_is_lent_is_cleaned_and_ones_own_never(tmp_path: Path) -> None:
    factory = read_factory(tmp_path)

    assert order(factory)["cleans_for"] == LEASE
    assert order(factory, unix_account="robot1")["cleans_for"] == LEASE
    assert order(factory, unix_account="lumiada", lease="")["cleans_for"] == ""
    assert order(factory, unix_account="lumiada")["cleans_for"] == ""


def test_in_a_shared_account_each_has_a_folder_behind_the_sites_isolation(tmp_path: Path) -> None:
    told = order(read_shared(tmp_path), unix_account="robot1")

    assert (told["cleans_for"], told["folder"]) == ("", LEASE)
    assert told["argv"][:3] == ["/opt/isolate", "{root}", "--"]
    assert order(read_shared(tmp_path))["folder"] == ""


def test_a_grader_runs_the_boxs_runner_and_is_told_of_it_alone(tmp_path: Path) -> None:
    told = order(read_factory(tmp_path), is_grader=True)

    assert told["argv"] == ["/opt/platform/bin/python", "-P", "-m", "labs.box.runner"]
    assert (told["environment"]["PAJA_RUNNER_BOXES"], told["environment"]["PYTHONPATH"]) == (
        "1",
        "/opt/project",
    )
    assert told["cleans_for"] == ""
