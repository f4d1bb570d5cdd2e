"""One grading run of nbgrader's pipeline: its release, its files, a gradebook of its own, a clock for each phase."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    """What every step of a grading run needs; `files` is the working folder of each of its boxes."""

    release: ReleasedLab
    gradebook: Path
    files: dict[str, bytes]
    limits: BoxLimits
    environment: BoxEnvironment
    policy: GradingPolicy
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started_at = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started_at

    def execute(self, notebook: NotebookNode) -> Execution:
        return execute_notebook(
            notebook, files=self.files, limits=self.limits, environment=self.environment, variables=VARIABLES
        )

    def resources(self, name: str) -> dict[str, Any]:
        """What nbgrader's converters hand to its preprocessors for this notebook."""
        resources = make_resources(self.release.name, name, self.gradebook)
        resources["nbgrader"]["student"] = LEARNER
        return resources
