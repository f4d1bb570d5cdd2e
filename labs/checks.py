"""System checks: what this machine must have before it can run labs."""

from typing import Any

from django.conf import settings
from django.core import checks

from labs.box import BoxEnvironment, find_bubblewrap
from labs.box.forking.servers import close_servers, find_refusal, find_server
from labs.exceptions import BoxUnavailableError


@checks.register
def check_box(**_options: Any) -> list[checks.CheckMessage]:
    """Grading runs learners' code, so it needs bubblewrap and the lab environment."""
    problems: list[checks.CheckMessage] = []
    try:
        find_bubblewrap()
    except BoxUnavailableError as error:
        problems.append(
            checks.Warning("Labs cannot be graded on this machine.", hint=str(error), id="labs.W001")
        )
    if not settings.LAB_PYTHON.exists():
        problems.append(
            checks.Warning(
                f"The lab environment {settings.LAB_PYTHON} does not exist.",
                hint="`make run` makes it; or set PAJA_LAB_PYTHON.",
                id="labs.W002",
            )
        )
    return problems


@checks.register(deploy=True)
def check_forking(**_options: Any) -> list[checks.CheckMessage]:
    """Whether kernels can be forked here is known once it was tried, which takes some seconds: with `--deploy` only."""
    if not settings.LAB_PYTHON.exists():
        return []
    environment = BoxEnvironment(settings.LAB_PYTHON)
    if find_server(environment) is None:
        reason = find_refusal(environment)
        return [
            checks.Warning("Grading starts every kernel anew, which is slow.", hint=reason, id="labs.W003")
        ]
    close_servers()
    return []
