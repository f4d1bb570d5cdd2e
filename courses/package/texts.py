"""A text of a package: front matter, title, body, and what its Markdown must not have."""

from dataclasses import dataclass
from html.parser import HTMLParser

from django.utils.translation import gettext as _
from markdown_it.token import Token

from courses.markdown import Heading, find_headings, parse_markdown
from courses.markdown.allowed import TAGS
from courses.markdown.callouts import CALLOUTS
from courses.package.limits import MAX_TITLE
from courses.package.schemas import FrontMatter
from courses.package.tables import check_table, read_table
from courses.unit_kinds import Report

FENCE = "+++"


@dataclass(frozen=True)
class Address:
    """An address that a text shows or links to, as it was written, and where."""

    value: str
    line: int
    is_picture: bool


@dataclass(frozen=True)
class ReadText:
    """A text as read. `body` has empty lines for front matter and title, so its lines are those of the file."""

    path: str
    front_matter: FrontMatter | None
    title: str
    body: str
    headings: tuple[Heading, ...]
    addresses: tuple[Address, ...]


def split_text(
    text: str, path: str, report: Report, *, has_title: bool, may_have_front_matter: bool
) -> ReadText | None:
    """Read a text and report what is wrong with it; None when it cannot be read at all.

    With `has_title` its first level-1 heading is taken out as the title: it must have one, and only one.
    """
    lines = text.split("\n")
    front_matter = _take_front_matter(lines, path, report, is_allowed=may_have_front_matter)
    try:
        title = _take_title(lines, path, report) if has_title else ""
        body = "\n".join(lines)
        tokens = parse_markdown(body)
    except Exception:
        report(
            path,
            _("This Markdown cannot be read: it is nested too deeply or takes too long."),
            code="wrong-markdown",
        )
        return None
    _check_tokens(tokens, path, report, has_title=has_title)
    return ReadText(
        path, front_matter, title, body, tuple(find_headings(tokens)), tuple(_find_addresses(tokens))
    )


def _take_front_matter(
    lines: list[str], path: str, report: Report, *, is_allowed: bool
) -> FrontMatter | None:
    if lines[0].rstrip() != FENCE:
        return None
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == FENCE), None)
    if end is None:
        report(path, _("The front matter is not closed by a line “+++”."), line=1, code="open-front-matter")
        return None
    inner = "\n".join(lines[1:end])
    lines[: end + 1] = [""] * (end + 1)
    if not is_allowed:
        message = _("Front matter stands only in the text of the course's first language.")
        report(path, message, line=1, code="extra-front-matter")
        return None
    table = read_table(inner, path, report, first_line=2)
    return check_table(table, FrontMatter, report) if table else None


def _take_title(lines: list[str], path: str, report: Report) -> str:
    tokens = parse_markdown("\n".join(lines))
    for heading, token in zip(find_headings(tokens), _heading_tokens(tokens), strict=True):
        if heading.level > 1 or token.map is None:
            continue
        if not heading.text or len(heading.text) > MAX_TITLE:
            message = _("A title has at least one character and at most %(max)d.") % {"max": MAX_TITLE}
            report(path, message, line=heading.line, code="wrong-title")
        first, last = token.map
        lines[first:last] = [""] * (last - first)
        return heading.text
    report(path, _("This text has no title: a line that begins with “# ”."), code="no-title")
    return ""


def _heading_tokens(tokens: list[Token]) -> list[Token]:
    return [token for token in tokens if token.type == "heading_open"]


def _check_tokens(tokens: list[Token], path: str, report: Report, *, has_title: bool) -> None:
    for heading in find_headings(tokens):
        if heading.level == 1 and has_title:
            message = _("A second title: headings within a text begin with “## ”.")
            report(path, message, line=heading.line, code="second-title")
    for token in tokens:
        if token.type == "callout_open" and token.meta["written"] not in CALLOUTS:
            message = _("“[!%(type)s]” is no callout; known are %(known)s.")
            names = {"type": token.meta["written"], "known": ", ".join(CALLOUTS)}
            report(path, message % names, line=_line(token), code="unknown-callout")
    for tag, _attributes, line in _find_tags(tokens):
        if tag not in TAGS:
            message = _("“<%(tag)s>” is not shown: HTML of this kind is taken out.") % {"tag": tag}
            report(path, message, line=line, code="html-tag")


def _find_addresses(tokens: list[Token]) -> list[Address]:
    addresses = []
    for part, line in _parts(tokens):
        if part.type == "link_open":
            addresses.append(Address(str(part.attrs.get("href", "")), line, is_picture=False))
        elif part.type == "image":
            addresses.append(Address(str(part.attrs.get("src", "")), line, is_picture=True))
    for tag, attributes, line in _find_tags(tokens):
        if tag == "a" and attributes.get("href"):
            addresses.append(Address(attributes["href"] or "", line, is_picture=False))
        elif tag == "img":
            addresses.append(Address(attributes.get("src") or "", line, is_picture=True))
    return addresses


def _parts(tokens: list[Token]) -> list[tuple[Token, int]]:
    """The inline tokens with their lines: each line break within a paragraph counts one."""
    parts = []
    for token in tokens:
        line = _line(token)
        for child in token.children or ():
            parts.append((child, line))
            line += child.type in ("softbreak", "hardbreak")
            line += child.content.count("\n") if child.type == "html_inline" else 0
    return parts


class _TagReader(HTMLParser):
    """Notes the start tags of a piece of HTML."""

    def __init__(self, first_line: int) -> None:
        super().__init__()
        self.first_line = first_line
        self.tags: list[tuple[str, dict[str, str | None], int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs), self.first_line + self.getpos()[0] - 1))


def _find_tags(tokens: list[Token]) -> list[tuple[str, dict[str, str | None], int]]:
    pieces = [(token.content, _line(token)) for token in tokens if token.type == "html_block"]
    pieces += [(part.content, line) for part, line in _parts(tokens) if part.type == "html_inline"]
    tags = []
    for html, line in pieces:
        reader = _TagReader(line)
        reader.feed(html)
        tags += reader.tags
    return tags


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1
