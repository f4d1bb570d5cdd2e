"""What our Markdown does differently from CommonMark: heading ids, code, tables, maths, and a time limit."""

import re
import time
from collections import defaultdict
from collections.abc import MutableMapping
from html import escape
from typing import Any

from django.utils.translation import gettext
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from courses.markdown.highlighting import highlight_code

MAX_ANCHOR = 80


class SlowTextError(Exception):
    """A text took longer than its share of processor time: it was made for that."""

    reason = "slow-text"


def add_deadline(parser: MarkdownIt) -> None:
    """Look at the clock before every block and every piece of a line; `env["deadline"]` is in thread time.

    Some texts make the parser's work grow with the square of their length: a limit on length is not enough.
    """

    def check_block(state: StateBlock, _first: int, _last: int, _silent: bool) -> bool:
        return check_deadline(state.env)

    def check_inline(state: StateInline, _silent: bool) -> bool:
        return check_deadline(state.env)

    parser.block.ruler.before("table", "deadline", check_block, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.before("text", "deadline", check_inline)


def check_deadline(env: MutableMapping[str, Any]) -> bool:
    """Raise SlowTextError when the time is over, else say False: "this rule has nothing to add"."""
    if time.thread_time() > env["deadline"]:
        raise SlowTextError
    return False


def add_heading_ids(parser: MarkdownIt) -> None:
    """Give every heading an id made of its words; the second "Data" is `data-2`."""
    parser.core.ruler.push("heading_ids", _set_heading_ids)


def make_anchor(text: str) -> str:
    """Letters and digits of any script in lower case, joined by hyphens: `tekoäly-ja-data`."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")[:MAX_ANCHOR].strip("-") or "section"


def _set_heading_ids(state: StateCore) -> None:
    used: set[str] = set()
    counts: dict[str, int] = defaultdict(int)
    for index, token in enumerate(state.tokens):
        if token.type != "heading_open":
            continue
        children = state.tokens[index + 1].children or ()
        base = make_anchor("".join(part.content for part in children if part.type in ("text", "code_inline")))
        counts[base] += 1
        anchor = base if counts[base] == 1 else f"{base}-{counts[base]}"
        while anchor in used:
            counts[base] += 1
            anchor = f"{base}-{counts[base]}"
        used.add(anchor)
        token.attrSet("id", anchor)


def shift_headings(tokens: list[Token], shift: int) -> None:
    """Move headings down by `shift` levels, between h2 and h6: the page has its own h1."""
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, max(2, int(token.tag[1]) + shift))}"


def add_renderers(parser: MarkdownIt) -> None:
    """Render code, tables, maths and the way back from a footnote as the theme and the sanitiser expect them."""
    for name, render in (
        ("fence", _render_fence),
        ("code_block", _render_fence),
        ("table_open", _render_table_open),
        ("table_close", _render_table_close),
        ("th_open", _render_cell_open),
        ("td_open", _render_cell_open),
        ("math_inline", _render_inline_math),
        ("math_inline_double", _render_displayed_math),
        ("math_block", _render_math_block),
        ("footnote_anchor", _render_footnote_anchor),
    ):
        parser.add_render_rule(name, render)


def _render_fence(_renderer: Any, tokens: list[Token], index: int, _options: Any, env: dict[str, Any]) -> str:
    check_deadline(env)
    token = tokens[index]
    words = token.info.split()
    name = words[0].lower() if words else ""
    if name == "quiz":  # drawn from courses.quizzes; here it would show the answers
        return ""
    return highlight_code(token.content, name, lambda: check_deadline(env))


def _render_table_open(_renderer: Any, _tokens: list[Token], _index: int, _options: Any, _env: Any) -> str:
    # What scrolls must be reachable by keyboard (WCAG 2.1.1), and what is reachable must have a name.
    label = escape(gettext("Table"))
    return f'<div class="table-scroll" tabindex="0" role="group" aria-label="{label}"><table>\n'


def _render_table_close(_renderer: Any, _tokens: list[Token], _index: int, _options: Any, _env: Any) -> str:
    return "</table></div>\n"


def _render_cell_open(_renderer: Any, tokens: list[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    sides = {
        "text-align:left": "text-start",
        "text-align:center": "text-center",
        "text-align:right": "text-end",
    }
    side = sides.get(str(token.attrs.get("style", "")))
    return f'<{token.tag} class="{side}">' if side else f"<{token.tag}>"


def _render_inline_math(_renderer: Any, tokens: list[Token], index: int, _options: Any, _env: Any) -> str:
    return f'<span class="math inline">{escape(tokens[index].content.strip())}</span>'


def _render_displayed_math(_renderer: Any, tokens: list[Token], index: int, _options: Any, _env: Any) -> str:
    # Within a paragraph: a div would end it.
    return f'<span class="math display">{escape(tokens[index].content.strip())}</span>'


def _render_math_block(_renderer: Any, tokens: list[Token], index: int, _options: Any, _env: Any) -> str:
    return f'<div class="math display">{escape(tokens[index].content.strip())}</div>\n'


def _render_footnote_anchor(_renderer: Any, tokens: list[Token], index: int, _options: Any, _env: Any) -> str:
    meta = tokens[index].meta
    name = str(meta["id"] + 1) + (f":{meta['subId']}" if meta["subId"] > 0 else "")
    label = escape(gettext("Back to the text"))
    return f' <a href="#fnref{name}" class="footnote-backref" aria-label="{label}">↩︎</a>'
