"""Which expectations of a cell are certain to be met where the cell ends without an error."""

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from labs.nbgrader.twin.expectations import Expectations
from labs.nbgrader.twin.literals import list_rows
from labs.nbgrader.twin.lookalikes import Edits, find_call_name

_CATCHERS: Final = frozenset({"raises", "assertRaises", "assertRaisesRegex", "assert_raises"})
# What lets every exception through that is raised in its `with`.
_TRANSPARENT: Final = frozenset(
    {
        "open",
        "catch_warnings",
        "redirect_stdout",
        "redirect_stderr",
        "errstate",
        "subTest",
        "TemporaryDirectory",
    }
)
_LEAVING: Final = (ast.Return, ast.Yield, ast.YieldFrom, ast.Break, ast.Continue)
_LOADERS: Final = frozenset({"loadTestsFromTestCase", "makeSuite"})
Condition = tuple[ast.expr, bool]


class CertainSteps:
    """The statements of a cell that are run in every run without an error, those of its own functions included."""

    def __init__(self, tree: ast.Module, expectations: Expectations) -> None:
        self._tree = tree
        self._expectations = expectations
        self._entered: set[str] = set()
        named = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        self._functions = {node.name: node for node in named if not node.decorator_list}
        self._steps = list(self._walk(tree.body))
        self._steps += list(self._walk_test_cases())

    @property
    def has_test(self) -> bool:
        return any(not isinstance(step, ast.Expr) or _is_assertion(step) for step in self._steps)

    def find_lookalikes(self) -> Iterator[Edits]:
        """Edits of one constant, type or exception, each of which lets honest work fail."""
        for step in self._steps:
            if isinstance(step, ast.Try):
                for handler in _list_quiet(step):
                    if handler.type is not None:
                        yield from self._expectations.deny_exception(handler.type)
            elif isinstance(step, ast.With):
                kind = step.items[0].context_expr
                if isinstance(kind, ast.Call) and kind.args:
                    yield from self._expectations.deny_exception(kind.args[0])
            elif isinstance(step, ast.Expr) and isinstance(step.value, ast.Call):
                yield from self._expectations.deny_call(step.value)
        for test, is_met in self.find_conditions():
            yield from self._expectations.deny(test, is_met=is_met)

    def find_conditions(self) -> Iterator[Condition]:
        """Expressions that have to be true, or false, for the cell to go on."""
        for step in self._steps:
            if isinstance(step, ast.Assert):
                yield step.test, True
            elif isinstance(step, ast.If):
                yield step.test, not surely_raises(step.body)

    def _walk(self, body: Sequence[ast.stmt], *, is_inside: bool = False) -> Iterator[ast.stmt]:
        """`is_inside`: of a loop or function, which may be left before its end."""
        for statement in body:
            if is_inside and any(isinstance(node, _LEAVING) for node in ast.walk(statement)):
                return
            yield from self._enter(statement, is_inside=is_inside)
            if isinstance(statement, ast.Raise):
                return

    def _enter(self, statement: ast.stmt, *, is_inside: bool) -> Iterator[ast.stmt]:
        match statement:
            case ast.Assert() | ast.Expr(value=ast.Call()):
                yield statement
                yield from self._call(statement)
            case ast.For():
                if list_rows(statement.iter, self._expectations.literals):
                    yield from self._walk(statement.body, is_inside=True)
            case ast.With():
                names = [find_call_name(item.context_expr) for item in statement.items]
                if len(names) == 1 and names[0] in _CATCHERS:
                    yield from self._catch(statement)
                elif set(names) <= _TRANSPARENT:
                    yield from self._walk(statement.body, is_inside=is_inside)
            case ast.If():
                yield from self._enter_condition(statement, is_inside=is_inside)
            case ast.Try():
                yield from self._enter_try(statement, is_inside=is_inside)

    def _catch(self, statement: ast.With) -> Iterator[ast.stmt]:
        catcher = statement.items[0].context_expr
        if isinstance(catcher, ast.Call) and self._expectations.origins.is_library(catcher):
            yield statement

    def _enter_condition(self, statement: ast.If, *, is_inside: bool) -> Iterator[ast.stmt]:
        if surely_raises(statement.body):
            yield statement
            yield from self._walk(statement.orelse, is_inside=is_inside)
        elif surely_raises(statement.orelse):
            yield statement
            yield from self._walk(statement.body, is_inside=is_inside)

    def _enter_try(self, statement: ast.Try, *, is_inside: bool) -> Iterator[ast.stmt]:
        if any(isinstance(node, _LEAVING) for part in statement.finalbody for node in ast.walk(part)):
            return
        quiet = _list_quiet(statement)
        if not quiet:
            yield from self._walk([*statement.body, *statement.orelse], is_inside=is_inside)
        elif len(quiet) == 1 and (surely_raises(statement.orelse) or surely_raises(statement.body)):
            yield statement
            yield from self._walk(quiet[0].body, is_inside=is_inside)
        yield from self._walk(statement.finalbody, is_inside=is_inside)

    def _call(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """The steps of a function of the cell's own that is called here, once."""
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return
        function = self._functions.get(call.func.id)
        if function and call.func.id not in self._entered and function.lineno < statement.lineno:
            self._entered.add(call.func.id)
            if not _is_rebound(self._tree, function.name):
                yield from self._walk(function.body, is_inside=True)

    def _walk_test_cases(self) -> Iterator[ast.stmt]:
        """Tests of a class of `unittest` that the cell runs, where it ends with an error when one of them failed."""
        calls = [node for node in ast.walk(self._tree) if isinstance(node, ast.Call)]
        loaded = [call for call in calls if find_call_name(call) in _LOADERS]
        runs = [call for call in calls if find_call_name(call) == "run"]
        is_looked_at = any(_asks_for_success(test) for test, _is_met in self.find_conditions())
        if not (len(loaded) == len(runs) == 1 and is_looked_at):
            return
        named = [each.id for each in loaded[0].args if isinstance(each, ast.Name)]
        for node in self._tree.body:
            if isinstance(node, ast.ClassDef) and [node.name] == named and not node.decorator_list:
                methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
                for method in methods:
                    if method.name.startswith("test") and not method.decorator_list:
                        yield from self._walk(method.body, is_inside=True)


def surely_raises(body: Sequence[ast.stmt]) -> bool:
    """Whether nobody comes to the end of this without an exception."""
    return any(
        isinstance(statement, ast.Raise)
        or (
            isinstance(statement, ast.Assert)
            and isinstance(statement.test, ast.Constant)
            and not statement.test.value
        )
        for statement in body
    )


def _list_quiet(statement: ast.Try) -> list[ast.ExceptHandler]:
    """Handlers after which the cell goes on."""
    return [handler for handler in statement.handlers if not surely_raises(handler.body)]


def _is_assertion(step: ast.Expr) -> bool:
    return find_call_name(step.value).startswith("assert")


def _is_rebound(tree: ast.Module, name: str) -> bool:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    stores = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
    ]
    return len(functions) != 1 or bool(stores)


def _asks_for_success(test: ast.expr) -> bool:
    inner = test.operand if isinstance(test, ast.UnaryOp) else test
    return find_call_name(inner) == "wasSuccessful"
