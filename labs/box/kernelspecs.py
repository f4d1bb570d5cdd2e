"""The kernels that a learners' environment has: Python's, which every one must have, and what else is installed."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from labs.box.limits import BoxEnvironment

logger = logging.getLogger(__name__)

PYTHON: Final = "python3"
# Jupyter's own rule for names (jupyter_client.kernelspec), so a name never leads out of the folder of kernels.
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_IS_PYTHON: Final = re.compile(r"python(3(\.\d+)?)?")

# A file of the learner's that is called as the kernel's own module must not become the kernel, as it would with `-m`.
_WITHOUT_FOLDER: Final = "import sys; sys.path[:] = [place for place in sys.path if place]; "
_BOOT: Final = _WITHOUT_FOLDER + "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
_BOOT_MODULE: Final = (
    _WITHOUT_FOLDER + "import runpy; del sys.argv[0]; runpy.run_module(sys.argv[0], None, '__main__', True)"
)


@dataclass(frozen=True)
class KernelSpec:
    """A kernel as its `kernel.json` says; `argv` holds `{connection_file}`, `interrupt_mode` is message or signal."""

    name: str
    language: str
    argv: tuple[str, ...]
    interrupt_mode: str = "signal"
    env: Mapping[str, str] = field(default_factory=dict)


def find_kernel(environment: BoxEnvironment, name: str) -> KernelSpec | None:
    """The environment's kernel of this name. Python's own is started our way, whatever its `kernel.json` says."""
    if name == PYTHON:
        return get_python(environment)
    # Names that consist of dots only are folders, but none of a kernel.
    if not _NAME.fullmatch(name) or not name.strip("."):
        return None
    file = _find_folder(environment) / name.lower() / "kernel.json"
    try:
        return _read_spec(environment, name, json.loads(file.read_text()), str(file.parent))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        logger.exception("%s is no kernel's description", file)
        return None


def list_kernels(environment: BoxEnvironment) -> list[str]:
    """The names of the kernels that there are, Python's first."""
    names = sorted(path.parent.name for path in _find_folder(environment).glob("*/kernel.json"))
    return [PYTHON, *(name for name in names if name != PYTHON and find_kernel(environment, name))]


def get_python(environment: BoxEnvironment) -> KernelSpec:
    argv = (str(environment.python), "-c", _BOOT, "-f", "{connection_file}")
    return KernelSpec(PYTHON, "python", (*argv, "--HistoryManager.hist_file=:memory:"), "message")


def choose_kernel(environment: BoxEnvironment, metadata: Mapping[str, Any]) -> KernelSpec | None:
    """The kernel for a notebook with this metadata: the one that it names, else Python's where it is in Python."""
    told = metadata.get("kernelspec", {})
    if spec := find_kernel(environment, str(told.get("name", ""))):
        return spec
    language = told.get("language") or metadata.get("language_info", {}).get("name") or "python"
    return get_python(environment) if str(language).lower() == "python" else None


def _find_folder(environment: BoxEnvironment) -> Path:
    return environment.python.parent.parent / "share" / "jupyter" / "kernels"


def _read_spec(environment: BoxEnvironment, name: str, told: Mapping[str, Any], folder: str) -> KernelSpec:
    argv = [str(part).replace("{resource_dir}", folder) for part in told["argv"]]
    if _IS_PYTHON.fullmatch(argv[0]):
        argv[0] = str(environment.python)
    if argv[1:2] == ["-m"]:
        argv[1:2] = ["-c", _BOOT_MODULE]
    return KernelSpec(
        name=name,
        language=str(told["language"]),
        argv=tuple(argv),
        interrupt_mode="message" if told.get("interrupt_mode") == "message" else "signal",
        env={str(key): str(value) for key, value in told.get("env", {}).items()},
    )
