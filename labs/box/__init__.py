"""Where learners' code runs: a real kernel in bubblewrap, driven from outside. Knows neither models nor settings."""

from labs.box.bubblewrap import find_bubblewrap
from labs.box.execution import Execution, execute_notebook, name_cell
from labs.box.kernel import BoxKernel, CellRun
from labs.box.limits import BoxEnvironment, BoxLimits
from labs.box.watching import Fault

__all__ = [
    "BoxEnvironment",
    "BoxKernel",
    "BoxLimits",
    "CellRun",
    "Execution",
    "Fault",
    "execute_notebook",
    "find_bubblewrap",
    "name_cell",
]
