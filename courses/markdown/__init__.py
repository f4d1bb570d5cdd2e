"""Markdown and foreign HTML made safe: what is returned here can be put into a page as it is."""

from courses.markdown.highlighting import highlight_code
from courses.markdown.rendering import (
    Heading,
    find_headings,
    parse_markdown,
    render_inline,
    render_markdown,
)
from courses.markdown.sanitising import sanitise_html

__all__ = [
    "Heading",
    "find_headings",
    "highlight_code",
    "parse_markdown",
    "render_inline",
    "render_markdown",
    "sanitise_html",
]
