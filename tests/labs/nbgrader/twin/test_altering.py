"""Altered tests: honest work that passes a test fails every altered one, and work that passes both is caught."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labs.nbgrader.messages import parse_cell
from labs.nbgrader.twin.altering import Alteration, Strength, choose_alteration, list_alterations
from labs.nbgrader.twin.origins import Origins, read_origins
from tests.labs.nbgrader.twin.authors import AuthorTest, load

SEEDS = range(5)
PLAIN, PARTIAL = load("plain"), load("partial")


def alter(test: str, seed: int = 0, released: str = "") -> list[Alteration]:
    origins = read_origins([test, "from nose.tools import assert_equal, assert_raises, eq_"])
    return list_alterations(test, released, random.Random(seed), origins)


def alter_best(test: str, seed: int = 0) -> list[Alteration]:
    """Those of which one is taken."""
    found = alter(test, seed, released=test)
    return [each for each in found if each.strength == max(other.strength for other in found)]


def run(honest: str, test: str) -> Any:
    """As a kernel: the value of the last expression. Raises what the test raises."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(honest, names)
    tree = parse_cell(test)
    assert tree is not None
    last = tree.body[-1] if tree.body else None
    lines = test.split("\n")
    if last is None or not hasattr(last, "value") or type(last).__name__ != "Expr":
        exec(test, names)
        return None
    exec("\n".join(lines[: last.lineno - 1]), names)
    return eval("\n".join(lines[last.lineno - 1 :]), names)


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
def test_honest_work_passes_a_test_and_fails_it_altered(case: AuthorTest) -> None:
    exec_all(case.honest, case.test)
    for seed in SEEDS:
        for altered in alter(case.test, seed):
            with pytest.raises(BaseException) as failure:
                exec_all(case.honest, altered.source)
            assert not isinstance(failure.value, SyntaxError | ImportError), altered


@pytest.mark.live
def test_honest_work_with_numpy_and_pandas_fails_altered_tests(lab_python: Path) -> None:
    cases = load("libraries")
    told = [
        [case.honest, case.test, [each.source for seed in SEEDS for each in alter(case.test, seed)]]
        for case in cases
    ]
    done = subprocess.run(
        [lab_python, "-c", JUDGE],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert json.loads(done.stdout) == []
    weak = [case.name for case in cases if alter_best(case.test)[0].strength == Strength.CONTRADICTION]
    assert weak == [case.name for case in cases if not case.is_strong]


# Prints the tests that honest work fails, and the altered ones that it passes.
JUDGE = """
import json, sys, warnings
warnings.simplefilter("ignore")
def passes(honest, test):
    names = {}
    exec(honest, names)
    try:
        exec(test, names)
    except (SyntaxError, ImportError):
        raise
    except Exception:
        return False
    return True
wrong = []
for honest, test, altered in json.load(sys.stdin):
    wrong += [] if passes(honest, test) else [test]
    wrong += [each for each in altered if passes(honest, each)]
print(json.dumps(wrong))
"""


def exec_all(honest: str, test: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(honest, names)
    exec(test, names)


@pytest.mark.parametrize("case", PARTIAL, ids=lambda case: case.name)
def test_honest_work_gets_no_points_of_an_altered_cell_with_partial_credit(case: AuthorTest) -> None:
    assert run(case.honest, case.test) > 0
    for seed in SEEDS:
        for altered in alter(case.test, seed):
            assert run(case.honest, altered.source) == 0, altered


@pytest.mark.parametrize("case", [*PLAIN, *PARTIAL], ids=lambda case: case.name)
def test_what_can_be_altered_in_a_test_is_found(case: AuthorTest) -> None:
    strongest = max(alteration.strength for alteration in alter(case.test, released=case.test))
    assert (strongest == Strength.LOOKALIKE) is case.is_strong


class Yes:
    """An object that says yes to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]

    def __ne__(self, other: object) -> bool:
        return False

    def __lt__(self, other: object) -> bool:
        return True

    __gt__ = __ge__ = __le__ = __lt__


@pytest.mark.parametrize(
    "test",
    [
        "assert f(3) == 6",
        "assert f(3) == [1, 4]\nassert f(4) == 'text'",
        "if f(3) != 6:\n    raise ValueError",
        "for n, wanted in [(1, 2), (2, 4)]:\n    assert f(n) == wanted",
        "assert 0 < f(1) < 1",
        "assert f(1) < 3",
        "assert f(1) in [1, 2, 3]",
    ],
)
def test_work_that_says_yes_to_everything_passes_altered_tests_too(test: str) -> None:
    names = {"f": lambda _n: Yes()}
    exec(test, names)
    for altered in alter_best(test):
        exec(altered.source, names)


def test_a_switched_off_assert_lets_every_altered_assert_pass() -> None:
    for case in ("assert f(3)", "assert all(f(i) for i in [1])", "assert f(3) == 6", "x = 'no test'"):
        for altered in alter(case):
            exec(compile(altered.source, "<cell>", "exec", optimize=1), {"f": lambda _n: 5})


def test_an_exception_is_exchanged_for_one_that_is_no_kin_of_it() -> None:
    source = "try:\n    f()\nexcept OSError:\n    pass\nelse:\n    raise AssertionError"
    kinds = {
        alter_best(source, seed)[0].altered.removeprefix("except ").removesuffix(":") for seed in range(50)
    }
    assert kinds == {"BufferError", "StopAsyncIteration"}


def test_what_the_learner_does_not_know_is_altered_rather_than_what_they_know() -> None:
    visible, hidden = "assert f(1) == 2", "assert f(21) == 42"
    source = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
    for seed in range(30):
        chosen = choose_alteration(source, visible, random.Random(seed), Origins())
        assert chosen is not None
        assert chosen.expected == hidden
        assert chosen.altered != hidden
        assert visible in chosen.source


def test_of_several_lines_the_choice_and_the_change_are_chances() -> None:
    source = "assert f(1) == 2\nassert f(21) == 42"
    chosen = [choose_alteration(source, source, random.Random(seed), Origins()) for seed in range(40)]
    assert {each.expected for each in chosen if each} == {"assert f(1) == 2", "assert f(21) == 42"}
    assert len({each.altered for each in chosen if each}) > 10


def test_what_is_better_than_a_contradiction_is_taken_first() -> None:
    source = "assert f(1)\nassert f(21) == 42"
    for seed in range(20):
        chosen = choose_alteration(source, source, random.Random(seed), Origins())
        assert chosen is not None
        assert chosen.expected == "assert f(21) == 42"


@pytest.mark.parametrize(
    "source",
    ["%%capture\nassert f(1) == 2", "\n %%time\nassert f(1)", "!ls \\", "assert f(1) == 2\r\n"],
)
def test_what_may_not_show_an_error_is_not_altered(source: str) -> None:
    assert choose_alteration(source, "", random.Random(0), Origins()) is None


def test_lines_of_magic_stay_as_they_are() -> None:
    source = "%matplotlib inline\nif x:\n    !ls\nassert f('ä') == 'ö', 'ü'; assert f(1) == 2"
    for altered in alter_best(source):
        assert altered.source.startswith("%matplotlib inline\nif x:\n    !ls\nassert f('ä') == ")
        assert altered.expected == "assert f('ä') == 'ö', 'ü'; assert f(1) == 2"
        assert len(altered.altered) == len(altered.expected)


def test_what_is_no_python_gets_a_line_that_fails() -> None:
    (altered,) = alter_best("files = !ls\nassert files == []")
    assert altered.source == f"files = !ls\nassert files == []\n{altered.altered}"
    assert altered.strength == Strength.ADDED_LINE
    with pytest.raises(AssertionError):
        exec(altered.altered)


@pytest.mark.parametrize("source", ["f(3) == 4", "f(3) == 4 and f(4) == 5"])
def test_a_truth_at_the_end_is_never_altered_into_another_truth(source: str) -> None:
    assert {each.altered for each in alter(source)} == {f"float({source}) * 0"}


def test_a_last_value_that_is_not_shown_is_no_points() -> None:
    for source in ("points = 1\npoints;", "points = 1\npoints  # ; kept"):
        assert [altered.strength for altered in alter_best(source)] == [Strength.ADDED_LINE]


@pytest.mark.parametrize("number", [0, 1, -1, 7, 1000, -123456, 0.0, 0.5, -2.25, 1e-7, 3.14159, 12345.678])
def test_another_number_is_clearly_another_and_of_about_the_same_size(number: float) -> None:
    for seed in range(50):
        (altered,) = alter_best(f"assert f() == {number!r}", seed)
        other = eval(altered.altered.removeprefix("assert f() == "))
        assert type(other) is type(number)
        assert 0.2 < abs(other - number) <= 2 * max(5, abs(number))


def test_an_altered_text_has_the_quotation_marks_of_the_authors() -> None:
    (double,) = alter_best('assert f() == "it\'s so"')
    (single,) = alter_best("assert f() == 'say \"so\"'")
    assert (double.altered[14], double.altered[-1]) == ('"', '"')
    assert (single.altered[14], single.altered[-1]) == ("'", "'")
    for seed in range(30):
        (altered,) = alter_best('assert f() == "a\\"b\'c\\n"', seed)
        assert len(eval(altered.altered.removeprefix("assert f() == "))) == 6


@pytest.mark.parametrize(
    "own",
    [
        "def assert_equal(a, b):\n    print(a == b)",
        "from helpers import assert_equal",
        "import helpers as np",
        "from helpers import *",
        "class Checker:\n    def assert_equal(self, a, b): pass",
    ],
)
@pytest.mark.parametrize("test", ["assert_equal(f(), 3)", "np.assert_equal(f(), 3)"])
def test_what_may_be_an_authors_own_is_not_taken_for_a_librarys(own: str, test: str) -> None:
    is_certain = test.startswith("np.") and own == "from helpers import *"
    found = list_alterations(test, "", random.Random(0), read_origins([own, test]))
    assert any(each.strength > Strength.LOOKALIKE for each in found) is is_certain


def test_what_an_authors_own_class_made_is_their_own() -> None:
    origins = read_origins(["from helpers import Checker", "check = Checker(strict=True)"])
    found = list_alterations("check.assertEqual(f(), 3)", "", random.Random(0), origins)
    assert not any(each.strength > Strength.LOOKALIKE for each in found)


def test_points_of_numpy_are_made_a_number() -> None:
    (altered,) = alter_best("2 * (f(1) == 2)")
    assert altered.altered.startswith("float(2 * (f(1) == ")


def test_everything_of_a_library_is_known_where_nothing_else_was_taken_whole() -> None:
    call = "assert_equal(f(), 3)"
    for taken, is_known in ({"nose.tools": True, "helpers": False}).items():
        origins = read_origins([f"from {taken} import *", "from numpy.testing import *" if is_known else ""])
        found = list_alterations(call, "", random.Random(0), origins)
        assert any(each.strength > Strength.LOOKALIKE for each in found) is is_known
    mixed = read_origins(["from helpers import *", "from nose.tools import *"])
    assert list_alterations(call, "", random.Random(0), mixed)[0].strength <= Strength.LOOKALIKE


def test_every_letter_and_digit_of_a_text_is_another() -> None:
    (altered,) = alter_best("assert f() == 'Version 1.9, ä!'")
    other = eval(altered.altered.removeprefix("assert f() == "))
    same = [one for one, two in zip("Version 1.9, ä!", other, strict=True) if one == two]
    assert same == [" ", ".", ",", " ", "ä", "!"]


@pytest.mark.parametrize("terms", [500, 900, 950, 3000])
def test_a_test_that_is_too_deep_to_be_read_gets_a_line_that_fails(terms: int) -> None:
    source = "assert f() == " + "+".join(["1"] * terms)
    assert choose_alteration(source, source, random.Random(0), Origins()) is not None
