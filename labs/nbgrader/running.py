"""One grading run of nbgrader's pipeline: its release, its files, the marks so far, a clock for each phase."""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from nbformat import NotebookNode

from labs.box import BoxEnvironment, BoxLimits, Execution, execute_notebook
from labs.nbgrader.gradebook import Marks, open_marks
from labs.nbgrader.loading import LoadedNotebook, LoadedRelease, load_release
from labs.nbgrader.results import GradingPolicy, ReleasedLab

# What nbgrader sets while it autogrades; authors' notebooks ask for it.
VARIABLES: Final = {"NBGRADER_EXECUTION": "autograde"}

# What runs a notebook as `labs.box.execute_notebook` does, here or on another machine.
Execute = Callable[..., Execution]


@dataclass
class Run:
    """What every step of a grading run needs; `files` is the working folder of each of its boxes.

    `chance` decides what a learner must not foresee.
    """

    release: ReleasedLab
    files: dict[str, bytes]
    limits: BoxLimits
    environment: BoxEnvironment
    policy: GradingPolicy
    late_seconds: float = 0
    execute_with: Execute = execute_notebook
    chance: random.Random = field(default_factory=secrets.SystemRandom)
    seconds: dict[str, float] = field(default_factory=dict)
    _loaded: LoadedRelease = field(init=False)
    _marks: dict[str, Marks] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._loaded = load_release(self.release)

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

    @property
    def released(self) -> Mapping[str, LoadedNotebook]:
        """What the release says about its notebooks, by name; shared by all runs, not to be changed."""
        return self._loaded.notebooks

    def find_released(self, name: str) -> LoadedNotebook:
        return self.released[name]

    def marks_of(self, name: str) -> Marks:
        """What this run has found out about this notebook's cells with points."""
        if name not in self._marks:
            self._marks[name] = open_marks(self.find_released(name).kept)
        return self._marks[name]
