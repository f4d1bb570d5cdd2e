"""Where learners' code runs: a real kernel in bubblewrap, driven from outside. Knows neither models nor settings."""

from labs.box.bubblewrap import find_bubblewrap
from labs.box.execution import Execution, execute_notebook, name_cell
from labs.box.forking.servers import start_forking
from labs.box.kernel import BoxKernel, CellRun
from labs.box.kernelspecs import KernelSpec, find_kernel
from labs.box.limits import BoxEnvironment, BoxLimits
from labs.box.watching import Fault

__all__ = [
    "BoxEnvironment",
    "BoxKernel",
    "BoxLimits",
    "CellRun",
    "Execution",
    "Fault",
    "KernelSpec",
    "execute_notebook",
    "find_bubblewrap",
    "find_kernel",
    "name_cell",
    "start_forking",
]
