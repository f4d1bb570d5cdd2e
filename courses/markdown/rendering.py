"""From Markdown to HTML that is safe to show, whoever wrote it and however it is meant."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from html import escape

from django.utils import translation
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token

from courses.markdown.callouts import add_callouts
from courses.markdown.cost import is_costly
from courses.markdown.sanitising import clean_inline, clean_markdown, mark_clean, replace_surrogates
from courses.markdown.syntax import add_deadline, add_heading_ids, add_renderers, shift_headings

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 131_072
"""Longer texts are shown as plain text, cut here. A package's texts are smaller (courses.package.limits)."""

SECONDS = 2.0
"""Processor time for one text. A chapter takes some 20 ms; only a text made to be slow comes near."""

MAX_NESTING = 40


@dataclass(frozen=True)
class Heading:
    """A heading of a text; `anchor` is what a link names after `#`, `line` counts from 1."""

    level: int
    text: str
    anchor: str
    line: int


def render_markdown(
    source: str,
    *,
    trusted: bool = False,
    language: str | None = None,
    resolve: Callable[[str], str | None] | None = None,
    id_prefix: str = "text-",
) -> SafeString:
    """CommonMark with tables, footnotes, callouts, maths and coloured code, as sanitised HTML. Never raises.

    `trusted` is for the text of a course: pictures may come from anywhere, relative addresses are kept, headings
    stay on their level (a text's own title has been taken off). Otherwise (a notebook's cell) pictures are only
    those within the text, relative links lose their address, and headings move down by one. None becomes an h1.
    `resolve` turns a relative address into the one to show, or None to drop it; an anchor in it is a heading's,
    without prefix. `language` is that of the words
    that are added (the title of a callout). Ids, and links to them, get `id_prefix`, so that a text cannot take
    an id of the page; give each text of a page its own.
    Maths stays text, in span.math.inline, span.math.display or div.math.display, without dollar signs.
    A text that is too long, or made to be slow, is shown as plain text.
    """
    source = replace_surrogates(source)
    if len(source) > MAX_CHARACTERS:
        return _as_plain_text(source)
    try:
        with _speaking(language):
            html = _render(source, shift=0 if trusted else 1)
        return mark_clean(clean_markdown(html, trusted=trusted, resolve=resolve, id_prefix=id_prefix))
    except Exception:  # a fault or time-out in a parser must not take the page away
        logger.warning("A Markdown text of %d characters is shown as plain text", len(source), exc_info=True)
        return _as_plain_text(source)


def render_inline(source: str) -> SafeString:
    """One line of Markdown (an option of a quiz, a title) without a paragraph around it. Never raises."""
    source = replace_surrogates(source)
    if len(source) > MAX_CHARACTERS:
        return _as_plain_text(source)
    try:
        html = _parser().renderInline(source, _new_env())
        if is_costly(html):
            html = escape(source)
        return mark_clean(clean_inline(html))
    except Exception:  # as in render_markdown
        logger.warning(
            "A line of Markdown of %d characters is shown as plain text", len(source), exc_info=True
        )
        return mark_clean(escape(source))


def parse_markdown(source: str) -> list[Token]:
    """The tokens of a text, for those who check it; raises what the parser raises."""
    return _parser().parse(source, _new_env())


def find_headings(tokens: list[Token]) -> list[Heading]:
    """The headings among the tokens of `parse_markdown`."""
    return [
        Heading(
            level=int(token.tag[1]),
            text=plain_text(tokens[index + 1]),
            anchor=str(token.attrs.get("id", "")),
            line=token.map[0] + 1 if token.map else 1,
        )
        for index, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def plain_text(inline: Token) -> str:
    """The words of an inline token, without markup."""
    wanted = ("text", "code_inline", "math_inline", "text_special")
    words = [
        child.content if child.type in wanted else " "
        for child in inline.children or ()
        if child.type in (*wanted, "softbreak", "hardbreak")
    ]
    return "".join(words).strip()


def _render(source: str, *, shift: int) -> str:
    env = _new_env()
    tokens = _parser().parse(source, env)
    shift_headings(tokens, shift)
    html = str(_parser().renderer.render(tokens, _parser().options, env))
    raw = "".join(_raw_html(tokens))
    if not is_costly(raw, surroundings=html):
        return html
    env = _new_env()
    tokens = _parser(html=False).parse(source, env)
    shift_headings(tokens, shift)
    return str(_parser(html=False).renderer.render(tokens, _parser(html=False).options, env))


def _raw_html(tokens: list[Token]) -> list[str]:
    """The HTML that the writer typed, as opposed to what Markdown makes."""
    return [
        part.content
        for token in tokens
        for part in (token, *(token.children or ()))
        if part.type in ("html_block", "html_inline")
    ]


def _new_env() -> dict[str, object]:
    return {"deadline": time.thread_time() + SECONDS}


@cache
def _parser(*, html: bool = True) -> MarkdownIt:
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"html": html, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    # A dollar is mostly money: maths opens before and closes after something that is neither space nor digit.
    parser.use(
        dollarmath_plugin,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    parser.use(footnote_plugin, inline=False)
    add_callouts(parser)
    add_heading_ids(parser)
    add_renderers(parser)
    add_deadline(parser)
    return parser


def _speaking(language: str | None) -> AbstractContextManager[object]:
    return translation.override(language) if language else nullcontext()


def _as_plain_text(source: str) -> SafeString:
    return mark_clean(f'<pre class="plain" tabindex="0">{escape(source[:MAX_CHARACTERS])}</pre>')
