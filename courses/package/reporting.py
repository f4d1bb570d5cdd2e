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

    def __call__(
        self, path: str, message: str, *, line: int | None = None, code: str, is_hint: bool = False
    ) -> None:
        self._found.add(Problem(path, line, code, message, is_hint))

    @property
    def has_errors(self) -> bool:
        return any(not each.is_hint for each in self._found)

    def in_order(self) -> list[Problem]:
        """By file and line."""
        return sorted(self._found, key=lambda each: (each.path, each.line or 0, each.code, each.message))


def format_problems(problems: Iterable[Problem]) -> str:
    """One line for each, `path:line: message`, an empty line between files, and a summary at the end."""
    groups = [list(group) for _path, group in groupby(problems, key=lambda each: each.path)]
    blocks = ["\n".join(format_problem(each) for each in group) for group in groups]
    found = [each for group in groups for each in group]
    return "\n\n".join([*blocks, f"{_count(found)} {_count_files(len(groups))}."])


def _count(problems: list[Problem]) -> str:
    """Such as "3 problems", "1 problem and 2 hints", "2 hints"."""
    hints = sum(each.is_hint for each in problems)
    errors = len(problems) - hints
    said = ngettext("%(count)d problem", "%(count)d problems", errors) % {"count": errors}
    if not hints:
        return said
    hinted = ngettext("%(count)d hint", "%(count)d hints", hints) % {"count": hints}
    return _("%(problems)s and %(hints)s") % {"problems": said, "hints": hinted} if errors else hinted


def _count_files(count: int) -> str:
    return ngettext("in %(files)d file", "in %(files)d files", count) % {"files": count}


def format_problem(problem: Problem) -> str:
    """`path:line: message`; without a line where there is none, and "the package" for the whole."""
    place = problem.path or _("the package")
    place = f"{place}:{problem.line}" if problem.line else place
    message = _("hint: %(message)s") % {"message": problem.message} if problem.is_hint else problem.message
    return f"{place}: {message}"
