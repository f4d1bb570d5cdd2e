"""How near a test wants a result to be to its constant: the arguments of the libraries' comparisons."""

import ast
from collections.abc import Sequence
from typing import Final

from labs.nbgrader.twin.lookalikes import Tolerance, read_number

# Arguments that change nothing about what is compared.
BESIDES: Final = frozenset({"msg", "err_msg", "verbose", "strict", "equal_nan", "nan_ok", "check_dtype"})
_NEARLY: Final = Tolerance(rel=1e-4, abs=1e-4)  # wider than any library's default
_RELATIVE: Final = frozenset({"rtol", "rel_tol", "rel"})
_ABSOLUTE: Final = frozenset({"atol", "abs_tol", "abs", "delta"})
_DIGITS: Final = frozenset({"places", "decimal"})


def read_tolerance(
    positional: Sequence[ast.expr], names: Sequence[str], keywords: Sequence[ast.keyword]
) -> Tolerance | None:
    """The tolerance that a call asks for, at least the widest default; None where that cannot be told."""
    if len(positional) > len(names):
        return None
    given = [*zip(names, positional, strict=False), *((keyword.arg, keyword.value) for keyword in keywords)]
    rel, most = _NEARLY.rel, _NEARLY.abs
    for name, node in given:
        if name in BESIDES:
            continue
        number = read_number(node)
        if number is None or isinstance(number, complex) or number < 0:
            return None
        if name in _RELATIVE:
            rel = max(rel, number)
        elif name in _ABSOLUTE:
            most = max(most, number)
        elif name in _DIGITS:
            most = max(most, 1.5 * 10.0 ** -min(number, 300))
        elif name == "significant":
            rel = max(rel, 10.0 ** (1 - min(number, 300)))
        else:
            return None
    return Tolerance(rel, most)
