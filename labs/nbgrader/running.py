"""One grading run of nbgrader's pipeline: its release, its files, a gradebook of its own, a clock for each phase."""

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from nbformat import NotebookNode

from labs.box import BoxEnvironment, BoxLimits, Execution, execute_notebook
from labs.nbgrader.gradebook import LEARNER
from labs.nbgrader.release import make_resources
from labs.nbgrader.results import GradingPolicy, ReleasedLab

# What nbgrader sets while it autogrades; authors' notebooks ask for it.
VARIABLES: Final = {"NBGRADER_EXECUTION": "autograde"}


@dataclass
class Run:
    """What every step of a grading run needs; `files` is the working folder of each of its boxes.

    `chance` decides what a learner must not foresee.
    """

    release: ReleasedLab
    gradebook: Path
    files: dict[str, bytes]
    limits: BoxLimits
    environment: BoxEnvironment
    policy: GradingPolicy
    execute_with: Callable[..., Execution] = execute_notebook
    chance: random.Random = field(default_factory=secrets.SystemRandom)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started_at = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started_at

    def execute(self, notebook: NotebookNode, *, slack: float = 1.0) -> Execution:
        """Run it in a box of its own; `slack` times as long as the limits allow."""
        limits = replace(
            self.limits,
            cell_seconds=slack * self.limits.cell_seconds,
            total_seconds=slack * self.limits.total_seconds,
        )
        return self.execute_with(
            notebook, files=self.files, limits=limits, environment=self.environment, variables=VARIABLES
        )

    def resources(self, name: str) -> dict[str, Any]:
        """What nbgrader's converters hand to its preprocessors for this notebook."""
        resources = make_resources(self.release.name, name, self.gradebook)
        resources["nbgrader"]["student"] = LEARNER
        return resources
