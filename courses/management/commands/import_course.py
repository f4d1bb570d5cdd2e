"""`manage.py import_course PATH`: make a release of a course package."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from courses.models import CourseRelease
from courses.services.importing import PackageProblemsError, import_package


class Command(BaseCommand):
    """Prints every problem as `path:line: message` and exits with 1, or says what was made."""

    help = "Makes a release of a course package. With anything wrong in it, nothing is imported."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The folder that holds course.toml.")

    def handle(self, *, path: Path, **_options: Any) -> None:
        try:
            result = import_package(path)
        except PackageProblemsError as error:
            self.stderr.write(str(error))
            raise CommandError(_("Nothing was imported.")) from None
        self.stdout.write(_summarise(result.release, is_new=result.is_new))


def _summarise(release: CourseRelease, *, is_new: bool) -> str:
    values = {
        "slug": release.course.slug,
        "number": release.number,
        "modules": release.modules.count(),
        "units": release.units.count(),
        "languages": ", ".join(release.languages),
    }
    if not is_new:
        return _("%(slug)s: release %(number)d has this content already.") % values
    return (
        _(
            "%(slug)s: made release %(number)d. Modules: %(modules)d. Units: %(units)d. "
            "Languages: %(languages)s."
        )
        % values
    )
