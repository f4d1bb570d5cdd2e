"""Which language a notebook speaks, and what stands in the place of a solution in it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from labs.box.kernelspecs import KernelSpec

PYTHON: Final = "python"

# Lines that only IPython can read: magic, commands of a shell, questions.
IPYTHON_SYNTAX: Final = re.compile(r"^\s*[%!?]|[?!]\s*$|=\s*[%!]", re.MULTILINE)

# nbgrader has some; these are as hers: a comment, and what makes a test of the empty answer fail.
_STUBS: Final = {
    "bash": "# YOUR CODE HERE\nfalse",
    "julia": '# YOUR CODE HERE\nerror("No answer given")',
}
# How a comment begins in languages for which there is nothing better; elsewhere with a hash.
_COMMENTS: Final = {
    "//": ("c", "c#", "c++", "go", "groovy", "javascript", "kotlin", "rust", "scala", "swift", "typescript"),
    "--": ("haskell", "lua", "sql"),
    "%": ("erlang", "prolog", "tex"),
    ";": ("clojure", "lisp", "scheme"),
}


def find_language(notebook: NotebookNode) -> str:
    """The language that a notebook says its kernel speaks, in small letters; Python if it does not say."""
    return (_find_said(notebook) or PYTHON).lower()


def _find_said(notebook: NotebookNode) -> str:
    metadata = notebook.metadata
    said = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    return str(said or "")


def note_language(notebook: NotebookNode, kernel: KernelSpec) -> None:
    """What a notebook leaves out of its kernel's description, the kernel itself knows."""
    if not _find_said(notebook) and kernel.language.lower() != PYTHON:
        notebook.metadata.kernelspec["language"] = kernel.language


def find_kernel_name(notebook: NotebookNode) -> str:
    return str(notebook.metadata.get("kernelspec", {}).get("name", ""))


class ClearEverySolution(ClearSolutions):
    """nbgrader's step, which gives up on a language for which it has no stub."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._own_stubs: dict[str, str] = dict(self.code_stub)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        name = nb.metadata.get("kernelspec", {}).get("language", PYTHON)  # as nbgrader looks for it
        self.code_stub = {name: make_stub(find_language(nb), self._own_stubs)}
        done: tuple[NotebookNode, dict[str, Any]] = super().preprocess(nb, resources)
        return done


def make_stub(language: str, own: Mapping[str, str] | None = None) -> str:
    """The course's own stub, or nbgrader's, where there is one."""
    given: Mapping[str, str] = ClearSolutions().code_stub if own is None else own
    stubs = _STUBS | {name.lower(): stub for name, stub in given.items()}
    if language in stubs:
        return stubs[language]
    mark = next((mark for mark, names in _COMMENTS.items() if language in names), "#")
    return f"{mark} YOUR CODE HERE"
