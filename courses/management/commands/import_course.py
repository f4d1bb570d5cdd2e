"""`manage.py import_course PATH`: make a release of a course package."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.services.importing import PackageProblemsError, import_package


class Command(BaseCommand):
    """Prints every problem with file and line and exits with 1, or says what was made."""

    help = "Make a release of a course package. With anything wrong in it, nothing is imported."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the folder that holds course.toml")

    def handle(self, *, path: Path, **_options: Any) -> None:
        try:
            result = import_package(path)
        except PackageProblemsError as error:
            for problem in error.problems:
                place = f"{problem.path}:{problem.line}" if problem.line else problem.path
                self.stderr.write(f"{place}: {problem.message} [{problem.code}]")
            count = len(error.problems)
            raise CommandError(f"{count} problem{'s' if count > 1 else ''}; nothing was imported.") from None
        release = result.release
        if not result.is_new:
            self.stdout.write(f"{release.course.slug}: release {release.number} has this content already.")
            return
        units = release.units.count()
        self.stdout.write(
            f"{release.course.slug}: made release {release.number} with {release.modules.count()} modules, "
            f"{units} units, in {', '.join(release.languages)}."
        )
