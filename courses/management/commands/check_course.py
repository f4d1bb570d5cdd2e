"""Tell an author what is wrong with a course package, before a learner finds it."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from courses.package import Package, check_package, run_package
from courses.package.reporting import format_problems
from courses.unit_kinds import Trial, registered_kinds


class Command(BaseCommand):
    """`check_course PATH [--run] [--twice]`: problems and hints as `path:line: message`; 1 when there is a problem."""

    help = "Checks a course package and lists everything that is wrong with it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The folder that holds course.toml.")
        parser.add_argument(
            "--run",
            action="store_true",
            help="Grade every lab: its solution has to get all points, an empty answer none.",
        )
        parser.add_argument(
            "--twice",
            action="store_true",
            help="Grade every solution twice and name what comes out differently; means --run too.",
        )

    def handle(self, *, path: Path, run: bool = False, twice: bool = False, **_options: Any) -> None:
        kinds = registered_kinds()
        package, problems = check_package(path, kinds)
        if package is not None and (run or twice):
            try:
                problems += run_package(package, kinds, Trial(self._say, is_twice=twice))
            except KeyboardInterrupt:
                self._say(_("Stopped. Nothing was left behind."))
                sys.exit(130)
        if problems:
            self.stdout.write(format_problems(problems))
        if package is None or not all(problem.is_hint for problem in problems):
            sys.exit(1)
        self.stdout.write(_summarise(package))

    def _say(self, text: str) -> None:
        self.stderr.write(text, style_func=str)
        self.stderr.flush()


def _summarise(package: Package) -> str:
    counts = {
        "slug": package.slug,
        "modules": len(package.modules),
        "units": len(package.units),
        "languages": ", ".join(package.languages),
    }
    return (
        _("%(slug)s is in order. Modules: %(modules)d. Units: %(units)d. Languages: %(languages)s.") % counts
    )
