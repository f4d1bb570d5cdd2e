"""Whatever a hub on Slurm may say of a start that it refuses, Paja has a sentence for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from deploy.jupyterhub.slurm import refusals
from labs.work.job_endings import REFUSALS

HUB_SIDE = Path(refusals.__file__).parent
SAYING = {"OptionsRefusedError", "SubmitRefusedError", "check_listed"}


def slugs_in(source: str) -> Iterator[str]:
    """What stands for a reason where one is raised: the last argument."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in SAYING:
            last = [*call.args, *(keyword.value for keyword in call.keywords)][-1]
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                yield last.value


def test_paja_knows_every_reason_of_the_hub_and_no_other() -> None:
    said = {reason for _, reason in refusals.REFUSALS}
    for path in HUB_SIDE.glob("*.py"):
        said |= set(slugs_in(path.read_text(encoding="utf-8")))

    assert said == REFUSALS
