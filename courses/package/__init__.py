"""Reading and checking a course package: a folder in, a Package or every problem out. No database."""

from courses.package.checking import check_package
from courses.package.contents import (
    LinkTarget,
    Package,
    PackageFile,
    PackageModule,
    PackageText,
    PackageUnit,
    Problem,
)
from courses.package.running import run_package

__all__ = [
    "LinkTarget",
    "Package",
    "PackageFile",
    "PackageModule",
    "PackageText",
    "PackageUnit",
    "Problem",
    "check_package",
    "run_package",
]
