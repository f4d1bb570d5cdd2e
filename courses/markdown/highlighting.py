"""Code with Pygments' classes; the colours are the theme's."""

from collections.abc import Callable, Iterator
from functools import cache
from html import escape
from typing import Any

from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

MAX_HIGHLIGHTED = 50_000
"""Longer code is shown without colours: a lexer is the slowest part of a page."""

# What a fence may say, and Pygments' name for it. Only languages that courses here use: each lexer is a set
# of regular expressions that meets hostile text.
LEXERS = {
    "bash": "bash",
    "c": "c",
    "c++": "cpp",
    "console": "console",
    "cpp": "cpp",
    "cuda": "cuda",
    "diff": "diff",
    "dockerfile": "docker",
    "fortran": "fortran",
    "html": "html",
    "ini": "ini",
    "ipython": "python",
    "ipython3": "python",
    "javascript": "javascript",
    "js": "javascript",
    "json": "json",
    "julia": "julia",
    "lua": "lua",
    "makefile": "makefile",
    "py": "python",
    "pycon": "pycon",
    "python": "python",
    "python3": "python",
    "r": "r",
    "rust": "rust",
    "sh": "bash",
    "shell": "bash",
    "slurm": "bash",
    "sql": "sql",
    "toml": "toml",
    "xml": "xml",
    "yaml": "yaml",
    "yml": "yaml",
}

TOKEN_CLASSES = frozenset(name for name in STANDARD_TYPES.values() if name)
LANGUAGE_CLASSES = frozenset(f"language-{name}" for name in LEXERS.values())


def highlight_code(code: str, name: str, check: Callable[[], object]) -> str:
    """`div.codehilite` around the code; `check` is called between tokens and may raise."""
    lexer_name = LEXERS.get(name, "")
    if not lexer_name or len(code) > MAX_HIGHLIGHTED:
        return _wrap(escape(code), lexer_name)
    formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
    parts: list[str] = []

    class Sink:
        write = staticmethod(parts.append)

    formatter.format(_watched(_find_lexer(lexer_name).get_tokens(code), check), Sink())
    return _wrap("".join(parts), lexer_name)


def _watched(tokens: Iterator[Any], check: Callable[[], object]) -> Iterator[Any]:
    for token in tokens:
        check()
        yield token


def _wrap(html: str, lexer_name: str) -> str:
    css_class = f' class="language-{lexer_name}"' if lexer_name else ""
    return f'<div class="codehilite"><pre tabindex="0"><code{css_class}>{html}</code></pre></div>\n'


@cache
def _find_lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False)
