"""Running what is in a package's units: what only a run can find out. How, each kind of unit knows."""

from collections.abc import Mapping

from courses.package.contents import Package, Problem
from courses.package.reporting import Problems
from courses.unit_kinds import Trial, UnitKind


def run_package(package: Package, kinds: Mapping[str, UnitKind], trial: Trial) -> list[Problem]:
    """Everything that comes out wrong in any unit, by file and line; all of them are run."""
    problems = Problems()
    for unit in package.units:
        kinds[unit.kind].run(unit, problems, trial)
    return problems.in_order()
