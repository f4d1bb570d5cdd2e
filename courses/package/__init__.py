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

__all__ = [
    "LinkTarget",
    "Package",
    "PackageFile",
    "PackageModule",
    "PackageText",
    "PackageUnit",
    "Problem",
    "check_package",
]
