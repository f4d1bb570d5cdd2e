"""Collecting problems, and showing them to an author in a terminal."""

from collections.abc import Iterable
from itertools import groupby

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.package.contents import Problem


class Problems:
    """A `courses.unit_kinds.Report` that keeps what it is told."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()

    def __call__(self, path: str, message: str, *, line: int | None = None, code: str) -> None:
        self._found.add(Problem(path, line, code, message))

    def __bool__(self) -> bool:
        return bool(self._found)

    def in_order(self) -> list[Problem]:
        """By file and line."""
        return sorted(self._found, key=lambda each: (each.path, each.line or 0, each.code, each.message))


def format_problems(problems: Iterable[Problem]) -> str:
    """One line for each, `path:line: message`, an empty line between files, and a summary at the end."""
    groups = [list(group) for _path, group in groupby(problems, key=lambda each: each.path)]
    blocks = ["\n".join(format_problem(each) for each in group) for group in groups]
    count = sum(len(group) for group in groups)
    in_files = ngettext("in %(files)d file", "in %(files)d files", len(groups)) % {"files": len(groups)}
    summary = ngettext("%(count)d problem", "%(count)d problems", count) % {"count": count}
    return "\n\n".join([*blocks, f"{summary} {in_files}."])


def format_problem(problem: Problem) -> str:
    """`path:line: message`; without a line where there is none, and "the package" for the whole."""
    place = problem.path or _("the package")
    return f"{place}:{problem.line}: {problem.message}" if problem.line else f"{place}: {problem.message}"
