"""Tell an author what is wrong with a course package, before a learner finds it."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from courses.package import Package, check_package
from courses.package.reporting import format_problems
from courses.unit_kinds import registered_kinds


class Command(BaseCommand):
    """`check_course PATH`: every problem as `path:line: message`; the exit status is 1 when there is one."""

    help = "Checks a course package and lists everything that is wrong with it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The folder that holds course.toml.")

    def handle(self, *, path: Path, **_options: Any) -> None:
        package, problems = check_package(path, registered_kinds())
        if package is None:
            self.stdout.write(format_problems(problems))
            sys.exit(1)
        self.stdout.write(_summarise(package))


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
