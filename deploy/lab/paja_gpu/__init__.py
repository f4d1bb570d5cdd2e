"""Whether a notebook has the GPU that it needs: `import paja_gpu; paja_gpu.check()`, for CUDA and ROCm alike.

In every labs' environment, in sessions and in the grading box. The standard library suffices; torch is asked where it
is installed.
"""

import os
import sys

from .finding import Look, find_gpus, look
from .listing import Gpu
from .words import choose_words, describe

__all__ = ["Gpu", "NoGpuError", "check", "find_gpus"]


class NoGpuError(RuntimeError):
    """A notebook that cannot go on without a GPU; shown as its sentence alone."""

    def _render_traceback_(self) -> list[str]:
        """IPython's own way to show an exception: the lines of Python that led here tell a learner nothing."""
        return [f"{type(self).__name__}: {self}"]


def check(gpus: int = 1) -> None:
    """Print which GPUs there are; NoGpuError, which says what to do, where they are fewer than `gpus`."""
    found = look()
    words = choose_words(os.environ.get("PAJA_LANGUAGE", ""))
    names = describe(found.gpus)
    if len(found.gpus) >= gpus:
        sys.stdout.write(f"{words['found'].format(gpus=names)}\n")
        if found.torch_sees == 0:
            sys.stdout.write(f"{words['torch_is_blind']}\n")
    elif found.gpus:
        raise NoGpuError(words["too_few"].format(wanted=gpus, gpus=names))
    elif gpus > 0:
        raise NoGpuError(words[choose_lack(found)].format(given=", ".join(found.given or ())))


def choose_lack(found: Look) -> str:
    """Which sentence says that there is none, and what to do: that depends on where this is."""
    machine = os.environ.get("LAB_MACHINE", "")
    if machine == "grading":
        return machine
    if found.given:
        return "not_usable"
    return machine if machine == "development" else "none"
