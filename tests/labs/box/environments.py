"""Learners' environments that tests make for themselves."""

import shutil
from pathlib import Path

from labs.box import BoxEnvironment

KERNELS = Path(__file__).with_name("kernels")


def make_shell_environment(folder: Path, lab_python: Path) -> BoxEnvironment:
    """The labs' environment with one kernel more, `shell`, whose language is called bash."""
    prefix = folder / "environment"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(lab_python)
    (prefix / "lib").symlink_to(lab_python.parent.parent / "lib")
    shutil.copy(lab_python.parent.parent / "pyvenv.cfg", prefix)
    shutil.copytree(KERNELS, prefix / "share" / "jupyter" / "kernels")
    return BoxEnvironment(prefix / "bin" / "python")
