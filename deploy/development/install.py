"""Makes the environments and fetches the assets that are missing. Standard library only: it runs before them.

`install.py run` makes what Paja needs to run, `install.py test` also what the tests and checks need. Each step
leaves a stamp of what it was made from in `.build/`, so that a second run costs milliseconds.
"""

from __future__ import annotations  # an older Python must get as far as being told so

import compileall
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAMPS = ROOT / ".build"
LOG = STAMPS / "install.log"
REQUIREMENTS = ROOT / "deploy" / "requirements"
PLATFORM = ROOT / ".venv"
LAB = ROOT / ".venv-lab"
ENVIRONMENT = REQUIREMENTS / "environment.toml"
LAB_SAYS = LAB / "share" / "paja" / "environment.toml"
LAB_MODULE = ROOT / "deploy" / "lab" / "paja_gpu"
ASSETS = ROOT / "config" / "assets"
PROXY = ROOT / "deploy" / "proxy"
VENDOR = ROOT / "config" / "static" / "vendor"
OLDEST = (3, 11)


class InstallError(Exception):
    """A step that did not work; the message says what to do."""


@dataclass(frozen=True)
class Step:
    """Something made once from some files, and again when one of them changes."""

    name: str
    says: str
    sources: tuple[Path, ...]
    target: Path
    make: Callable[[], None]

    @property
    def is_done(self) -> bool:
        path = STAMPS / self.name
        return self.target.exists() and path.is_file() and path.read_text() == self.stamp()

    def stamp(self) -> str:
        digest = hashlib.sha256(f"{sys.version} {ROOT}".encode())
        for source in self.sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def run(self) -> None:
        started = time.monotonic()
        # What is cut short is neither the old state nor the new one.
        STAMPS.joinpath(self.name).unlink(missing_ok=True)
        self.make()
        STAMPS.joinpath(self.name).write_text(self.stamp())
        say(f"  {self.says}: done in {time.monotonic() - started:.0f} s")


def say(line: str) -> None:
    print(line, flush=True)


def run(*command: str | Path, hint: str) -> None:
    """Run a command; what it prints goes to the log, and only a failure to the person."""
    words = [str(word) for word in command]
    environment = {key: text for key, text in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    environment["PATH"] = f"{PLATFORM / 'bin'}:{environment.get('PATH', '')}"  # npm looks for its node there
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(words)}\n".encode())
        log.flush()
        status = subprocess.run(
            words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        ).returncode
    if status != 0:
        last = LOG.read_text(errors="replace").splitlines()[-12:]
        raise InstallError(
            "\n".join([f"This did not work: {' '.join(words)}", *last, "", hint, f"The whole log: {LOG}"])
        )


OFFLINE = "Is the network there? Packages come from the index that pip, uv and npm are configured for."


def clear_moved(environment: Path) -> None:
    """Remove an environment that was made under another path: its commands start what lies there, or nothing."""
    activate = environment / "bin" / "activate"
    if not activate.is_file() or str(environment) not in activate.read_text():
        shutil.rmtree(environment, ignore_errors=True)


def make_platform() -> None:
    clear_moved(PLATFORM)
    if not (PLATFORM / "bin" / "python").exists():
        run(
            sys.executable, "-m", "venv", PLATFORM,
            hint="Python's venv module is needed: on Debian, install python3-venv.",
        )  # fmt: skip
    run(
        PLATFORM / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "-r", ROOT / "deploy" / "development" / "uv.txt",
        hint=OFFLINE,
    )  # fmt: skip


def install_into(environment: Path, requirements: Path) -> None:
    # Compiled now: the lab environment is read-only where it is used, so nothing would be kept later.
    # The lock is complete and is taken as it is: resolving would ask for what it leaves out on purpose.
    run(
        PLATFORM / "bin" / "uv", "pip", "install", "--python", environment / "bin" / "python", "--require-hashes",
        "--no-deps", "--compile-bytecode", "-r", requirements,
        hint=OFFLINE,
    )  # fmt: skip


def make_lab() -> None:
    clear_moved(LAB)
    if not (LAB / "bin" / "python").exists():
        run(PLATFORM / "bin" / "uv", "venv", "--quiet", "--python", sys.executable, LAB, hint=OFFLINE)
    install_into(LAB, REQUIREMENTS / "lab.txt")


def describe_lab() -> None:
    """Say in the labs' environment what a grading worker imports ahead."""
    LAB_SAYS.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ENVIRONMENT, LAB_SAYS)


def add_module() -> None:
    """Put our own module where all of the labs' code finds it, in sessions and in the grading box."""
    for packages in LAB.glob("lib/python3*/site-packages"):
        target = packages / LAB_MODULE.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(LAB_MODULE, target, ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(target, quiet=2)


def complete_lab() -> None:
    add_module()
    describe_lab()


def install_npm(folder: Path) -> None:
    run(
        PLATFORM / "bin" / "npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund",
        hint=OFFLINE,
    )  # fmt: skip


def make_assets() -> None:
    """Install what the browser gets from npm and copy the files named in package.json to where it is served."""
    install_npm(ASSETS)
    served = json.loads((ASSETS / "package.json").read_text())["paja"]["served"]
    shutil.rmtree(VENDOR, ignore_errors=True)
    for pattern, folder in served.items():
        found = sorted((ASSETS / "node_modules").glob(pattern))
        if not found:
            raise InstallError(f"{ASSETS / 'package.json'} names {pattern}, which npm did not bring.")
        target = VENDOR / folder
        target.mkdir(parents=True, exist_ok=True)
        for path in found:
            shutil.copyfile(path, target / path.name)


def packages_step(purpose: str) -> Step:
    """The platform's packages; those of the tests hold all that running needs.

    Both are one step, with one stamp: either writes over what the other installed.
    """
    is_test = purpose == "test"
    requirements = REQUIREMENTS / ("dev.txt" if is_test else "platform.txt")
    says = "Packages of the platform" + (" and its tests" if is_test else "")
    # Something that they bring: the environment itself is there again before they are.
    celery = PLATFORM / "bin" / "celery"
    return Step("packages", says, (requirements,), celery, lambda: install_into(PLATFORM, requirements))


def steps(purpose: str) -> list[list[Step]]:
    """The steps in groups: those of a group run at the same time."""
    uv = ROOT / "deploy" / "development" / "uv.txt"
    platform = Step("platform", "Python of the platform", (uv,), PLATFORM / "bin" / "uv", make_platform)
    lab = Step("lab", "Python of the labs", (REQUIREMENTS / "lab.txt",), LAB / "bin" / "python", make_lab)
    own = (ENVIRONMENT, *sorted(LAB_MODULE.glob("*.py")))
    preload = Step("preload", "What labs have of Paja", own, LAB_SAYS, complete_lab)
    proxy = Step(
        "proxy",
        "JupyterHub's proxy",
        npm_files(PROXY),
        PROXY / "node_modules",
        lambda: install_npm(PROXY),
    )
    assets = Step("assets", "Fonts, styles and scripts of the pages", npm_files(ASSETS), VENDOR, make_assets)
    packages = packages_step("test") if packages_step("test").is_done else packages_step(purpose)
    return [[platform], [packages, lab], [proxy, assets, preload]]


def npm_files(folder: Path) -> tuple[Path, ...]:
    return folder / "package.json", folder / "package-lock.json"


def run_together(group: list[Step]) -> None:
    """Run the steps of a group at once; the first failure is raised when all have ended."""
    failures: list[Exception] = []

    def guarded(step: Step) -> None:
        try:
            step.run()
        except (InstallError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(step,)) for step in group]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def main(purpose: str) -> None:
    if sys.version_info < OLDEST:
        raise InstallError("Paja needs Python 3.11 or newer. Name one: make run PYTHON=python3.12")
    # A learner's server runs under another account and must be able to read its environment.
    os.umask(0o022)
    started = time.monotonic()
    has_worked = False
    for group in steps(purpose):
        missing = [step for step in group if not step.is_done]
        if not missing:
            continue
        STAMPS.mkdir(exist_ok=True)
        if not has_worked:
            say("Setting Paja up. This happens once, and takes a few minutes the first time.")
            LOG.write_text("")
        has_worked = True
        for step in missing:
            say(f"  {step.says} …")
        run_together(missing)
    if has_worked:
        say(f"Everything is in place after {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except InstallError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. The next run goes on from here.")
