"""Callouts: quotations that begin with `[!note]`, as GitHub, Obsidian and the LUMI AI Factory write them."""

import re

from django.utils.translation import gettext_lazy as _
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

CALLOUTS = {
    "note": _("Note"),
    "info": _("Good to know"),
    "tip": _("Tip"),
    "important": _("Important"),
    "warning": _("Warning"),
    "caution": _("Caution"),
    "danger": _("Danger"),
    "example": _("Example"),
    "question": _("Question"),
    "command": _("Command"),
}

# "[!note]", the fold sign that Obsidian allows after it, and a title of the writer's own.
OPENING = re.compile(r"\[!(?P<type>[A-Za-z]{1,20})\][+-]?(?:[ \t]+(?P<title>[^\n]*))?(?:\n|$)")


def add_callouts(parser: MarkdownIt) -> None:
    """Turn such quotations into `div.callout.callout-<type>` with a `p.callout-title`.

    An unknown type looks like a note (check_package tells the author). What a `[!command]` says is shown letter
    by letter, because `<placeholders>` in a command would be taken for HTML.
    """
    parser.core.ruler.before("inline", "callouts", _mark_callouts)
    parser.add_render_rule("callout_open", _render_open)


def _render_open(_renderer: object, tokens: list[Token], index: int, _options: object, _env: object) -> str:
    return f'<div class="callout callout-{tokens[index].meta["type"]}" role="note">\n'


def _mark_callouts(state: StateCore) -> None:
    tokens: list[Token] = []
    open_quotes: list[bool] = []
    source = iter(enumerate(state.tokens))
    for index, token in source:
        if token.type == "blockquote_open":
            match = _find_opening(state.tokens, index)
            open_quotes.append(match is not None)
            if match is not None:
                next(source), next(source), next(source)
                tokens += _open_callout(token, state.tokens[index + 2], match)
                continue
        elif token.type == "blockquote_close" and open_quotes.pop():
            token.type, token.tag = "callout_close", "div"
        tokens.append(token)
    state.tokens = tokens


def _find_opening(tokens: list[Token], index: int) -> re.Match[str] | None:
    if (
        index + 2 >= len(tokens)
        or tokens[index + 2].type != "inline"
        or tokens[index + 1].type != "paragraph_open"
    ):
        return None
    return OPENING.match(tokens[index + 2].content)


def _open_callout(quote: Token, inline: Token, match: re.Match[str]) -> list[Token]:
    """The tokens that stand for the quotation's opening and its first paragraph."""
    kind = match["type"].lower()
    known = kind if kind in CALLOUTS else "note"
    title = (match["title"] or "").strip()
    opening = Token(
        "callout_open", "div", 1, map=quote.map, block=True, meta={"type": known, "written": kind}
    )
    first_line = inline.map[0] if inline.map else 0
    heading = _paragraph(title, first_line, first_line + 1, css_class="callout-title")
    if not title:
        heading[1].content = str(CALLOUTS[known])
    rest = inline.content[match.end() :]
    if not rest.strip():
        return [opening, *heading]
    last_line = inline.map[1] if inline.map else first_line + 1
    if kind == "command":
        body = [Token("fence", "code", 0, content=rest + "\n", info="text", map=[first_line + 1, last_line])]
    else:
        body = _paragraph(rest, first_line + 1, last_line)
    return [opening, *heading, *body]


def _paragraph(content: str, first_line: int, last_line: int, *, css_class: str = "") -> list[Token]:
    opening = Token("paragraph_open", "p", 1, block=True, map=[first_line, last_line])
    if css_class:
        opening.attrSet("class", css_class)
    inline = Token("inline", "", 0, content=content, children=[], block=True, map=[first_line, last_line])
    return [opening, inline, Token("paragraph_close", "p", -1, block=True)]
