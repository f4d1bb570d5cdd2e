"""Learners' environments that tests make for themselves."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from labs.box import BoxEnvironment

KERNELS = Path(__file__).with_name("kernels")


def make_shell_environment(folder: Path, lab_python: Path) -> BoxEnvironment:
    """The labs' environment with one kernel more, `shell`, whose language is called bash."""
    prefix = _make_prefix(folder, lab_python)
    (prefix / "lib").symlink_to(lab_python.parent.parent / "lib")
    shutil.copytree(KERNELS, prefix / "share" / "jupyter" / "kernels")
    return BoxEnvironment(prefix / "bin" / "python")


def make_environment(
    folder: Path, lab_python: Path, *, says: str = "", modules: Mapping[str, str] | None = None
) -> BoxEnvironment:
    """The labs' environment with some modules more, and a file that says what to import ahead."""
    prefix = _make_prefix(folder, lab_python)
    (found,) = (lab_python.parent.parent / "lib").glob("python3.*/site-packages")
    site = prefix / found.relative_to(lab_python.parent.parent)
    site.mkdir(parents=True)
    (site / "lab.pth").write_text(f"{found}\n")
    for name, source in (modules or {}).items():
        (site / f"{name}.py").write_text(source)
    if says:
        (prefix / "share" / "paja").mkdir(parents=True)
        (prefix / "share" / "paja" / "environment.toml").write_text(says)
    return BoxEnvironment(prefix / "bin" / "python")


def _make_prefix(folder: Path, lab_python: Path) -> Path:
    prefix = folder / "environment"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(lab_python)
    shutil.copy(lab_python.parent.parent / "pyvenv.cfg", prefix)
    return prefix
