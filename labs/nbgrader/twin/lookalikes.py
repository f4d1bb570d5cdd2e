"""Constants of an author's test, and others that look like them but are not: another number, another word."""

import ast
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from labs.nbgrader.messages import MAKING_A_TREE

# Types whose names stand in tests; two of them are never the same, and nothing is of two of those in _STRANGE_TYPES.
TYPES: Final = frozenset(
    {
        "int",
        "float",
        "complex",
        "str",
        "bytes",
        "bytearray",
        "bool",
        "list",
        "dict",
        "set",
        "tuple",
        "frozenset",
    }
)
_STRANGE_TYPES: Final = ("bytes", "bytearray", "complex", "frozenset")
# Makers of a value from one literal, whose elements show in the value.
_MAKERS: Final = frozenset({"array", "asarray", "Series", "list", "tuple", "set", "frozenset"})
_SETS: Final = frozenset({"set", "frozenset"})
_COLLECTIONS: Final = (ast.List, ast.Tuple, ast.Set)
Number = int | float | complex
# Nodes of the author's source, and what stands in the place of each.
Edits = list[tuple[ast.expr, str]]
_MAX_DIGITS: Final = 300
_OPERATORS: Final = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@dataclass(frozen=True)
class Tolerance:
    """How far from the constant a result may be; `rel` is a share of the larger of the two."""

    rel: float = 0.0
    abs: float = 0.0

    @property
    def is_wide(self) -> bool:
        """Whether everything of about the constant's size may be taken for it."""
        return not (self.rel < 0.5 and self.abs < 1e100)


EXACT: Final = Tolerance()


def find_call_name(node: ast.expr) -> str:
    """The last part of what is called: `array` for `np.array(…)`; empty for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def read_number(node: ast.AST) -> Number | None:
    """The number that is written here, sums and products of numbers included."""
    if isinstance(node, ast.Constant):
        is_number = isinstance(node.value, int | float | complex) and not isinstance(node.value, bool)
        return node.value if is_number else None  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = read_number(node.operand)
        return number if number is None or isinstance(node.op, ast.UAdd) else -number
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _calculate(node)
    return None


def _calculate(node: ast.BinOp) -> Number | None:
    left, right = read_number(node.left), read_number(node.right)
    if left is None or right is None:
        return None
    try:
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case _:
                return left / right
    except (ArithmeticError, ValueError):
        return None


def is_constant(node: ast.AST) -> bool:
    """Whether `alter` may find something to change here: a literal, or a collection made of one."""
    if isinstance(node, ast.Constant) or read_number(node) is not None:
        return True
    if isinstance(node, _COLLECTIONS):
        return all(is_constant(element) for element in node.elts)
    if isinstance(node, ast.Dict):
        keys = [ast.dump(key) for key in node.keys if key is not None]
        parts = [*(key for key in node.keys if key is not None), *node.values]
        return len(set(keys)) == len(node.keys) and all(is_constant(part) for part in parts)
    if isinstance(node, ast.Call) and find_call_name(node) in _MAKERS:
        is_plain = len(node.args) == 1 and not node.keywords
        return is_plain and isinstance(node.args[0], _COLLECTIONS) and is_constant(node.args[0])
    return False


def is_truth(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


class Lookalikes:
    """Makes other constants, by chance.

    `is_far`: never near the constant, for expectations that a wrong answer must not come to meet.
    """

    def __init__(self, chance: random.Random, tolerance: Tolerance = EXACT, *, is_far: bool = False) -> None:
        self._chance = chance
        self._tolerance = tolerance
        self._is_far = is_far

    def alter(self, node: ast.expr) -> Edits:
        """What of this constant is to be exchanged, and for what; nothing where nothing can be."""
        if self._tolerance.is_wide:
            return []
        if (number := read_number(node)) is not None:
            text = self.alter_number(number)
            return [] if text is None else [(node, text)]
        if isinstance(node, ast.Call):
            return self._alter_elements(node.args[0], is_set=find_call_name(node) in _SETS)
        if isinstance(node, ast.Constant):
            text = self._alter_word(node.value)
            return [] if text is None else [(node, text)]
        return self._alter_elements(node, is_set=isinstance(node, ast.Set))

    def _alter_elements(self, node: ast.expr, *, is_set: bool) -> Edits:
        """Every element that can be, since what is compared may look at some of them only, as masked arrays do."""
        elements = list(_list_elements(node))
        if not elements:
            number = self._chance.randint(10**6, 10**7) if self._is_far else self._chance.randint(2, 9)
            return [] if isinstance(node, ast.Dict) else [(node, f"[{number}]")]
        edits = [edit for element in elements for edit in self.alter(element)]
        siblings = [ast.dump(element) for element in elements]
        return [] if is_set and not any(_is_new(edit, siblings) for edit in edits) else edits

    def _alter_word(self, value: object) -> str | None:
        if self._tolerance != EXACT or (self._is_far and not isinstance(value, str | bytes)):
            return None
        if value is None:
            return "True"
        if isinstance(value, bool):
            return str(not value)
        if isinstance(value, str):
            return repr(self.alter_text(value))
        if isinstance(value, bytes):
            return repr(self.alter_text(value.decode("latin-1")).encode("latin-1", "replace"))
        return None

    def alter_text(self, text: str) -> str:
        """A text of the same length, each of whose letters and digits is another one of its kind.

        Each: what is compared may be an object that looks at some of them only.
        """
        if self._is_far or not text:
            return text + "".join(self._chance.choices(string.ascii_lowercase, k=8 if self._is_far else 1))
        places = [place for place, sign in enumerate(text) if sign.isascii() and sign.isalnum()]
        characters = list(text)
        if not places:
            place = self._chance.randrange(len(text))
            characters[place] = self._chance.choice([sign for sign in "#*+~" if sign != text[place]])
            return "".join(characters)
        for place in places:
            characters[place] = self._chance.choice(_same_kind(text, text[place]))
        return "".join(characters)

    def alter_number(self, number: Number) -> str | None:
        if isinstance(number, int):
            return self._alter_int(number)
        if isinstance(number, float):
            return self._alter_float(number)
        real = self._alter_float(number.real)
        return None if real is None else repr(complex(float(real), number.imag))

    def _alter_int(self, number: int) -> str | None:
        size = max(abs(number), 5)
        if size > 10**_MAX_DIGITS:
            return None
        step = self._chance.randint(size * 3 // 10 + 2, size * 9 // 10 + 3)
        step += int(10 * self._tolerance.abs) + int(20 * self._tolerance.rel * size)
        if self._is_far:
            step += self._chance.randint(10**6, 10**7)
        return repr(number + self._choose_sign(number, step) * step)

    def _alter_float(self, number: float) -> str | None:
        if not abs(number) < 1e100:
            return None
        size = max(abs(number), 1.0)
        step = size * self._chance.uniform(0.3, 0.9)
        step += 10 * self._tolerance.abs + 20 * self._tolerance.rel * size
        if self._is_far:
            step += self._chance.uniform(1e6, 1e7)
        written = repr(number)
        digits = None if "e" in written else max(1, len(written.partition(".")[2]))
        other = number + self._choose_sign(number, step) * step
        return repr(other if digits is None else round(other, digits))

    def _choose_sign(self, number: float, step: float) -> int:
        """Away from nothing, or towards it where the number keeps its own sign so."""
        outwards = 1 if number >= 0 else -1
        return -outwards if abs(number) > step and self._chance.random() < 0.5 else outwards

    def choose_type(self, known: set[str]) -> str:
        """The name of a type that nothing can be of which is of one of those that are named."""
        return self._chance.choice([name for name in _STRANGE_TYPES if name not in known])


def _list_elements(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, _COLLECTIONS):
        yield from node.elts
    elif isinstance(node, ast.Dict):
        yield from node.values


def _is_new(edit: tuple[ast.expr, str], siblings: list[str]) -> bool:
    """Whether what comes into a set was not in it before, so that it becomes another one."""
    with MAKING_A_TREE:
        return ast.dump(ast.parse(edit[1], mode="eval").body) not in siblings


def _same_kind(text: str, sign: str) -> list[str]:
    kinds = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
    kind = next(kind for kind in kinds if sign in kind)
    letters = {each for each in text if each.isalpha()}
    if kind == string.ascii_lowercase and len(text) >= 16 and letters <= set("abcdef"):
        kind = "abcdef"
    return [each for each in kind if each != sign]
