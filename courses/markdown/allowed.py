"""What may stand in HTML that others wrote: the lists by which `sanitising` cleans."""

from collections.abc import Mapping

from courses.markdown.callouts import CALLOUTS
from courses.markdown.highlighting import LANGUAGE_CLASSES, TOKEN_CLASSES


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INLINE_TAGS = _words(
    "a abbr b bdi br cite code del dfn em i img ins kbd mark q s samp small span strong sub sup time u var wbr"
)
TAGS = INLINE_TAGS | _words(
    "blockquote caption center col colgroup dd details div dl dt figcaption figure h2 h3 h4 h5 h6 hr li ol p pre "
    "section summary table tbody td tfoot th thead tr ul"
)

# Gone with all that is in them. The content of any other unknown tag stays.
DROPPED = _words(
    "applet audio canvas embed frameset iframe math noembed noframes noscript object script select style svg "
    "template textarea title video xmp"
)

ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "*": _words("lang dir title"),
    "a": _words("href aria-label"),
    "div": _words("aria-label"),
    "img": _words("src alt width height"),
    "ol": _words("start"),
    "td": _words("colspan rowspan"),
    "th": _words("colspan rowspan scope"),
    "time": _words("datetime"),
}
WITH_ID = ("a", "div", "figure", "h2", "h3", "h4", "h5", "h6", "li", "p", "section", "span", "sup")

CELL_CLASSES = _words("text-start text-center text-end")
CLASSES: Mapping[str, frozenset[str]] = {
    "a": _words("footnote-backref"),
    "code": LANGUAGE_CLASSES,
    "div": _words("callout codehilite display math table-scroll")
    | frozenset(f"callout-{name}" for name in CALLOUTS),
    "hr": _words("footnotes-sep"),
    "li": _words("footnote-item"),
    "ol": _words("footnotes-list"),
    "p": _words("callout-title"),
    "section": _words("footnotes"),
    "span": TOKEN_CLASSES | {"display", "inline", "math"},
    "sup": _words("footnote-ref"),
    "table": _words("dataframe"),
    "td": CELL_CLASSES,
    "th": CELL_CLASSES,
}
FIXED_VALUES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "div": {"role": _words("note group"), "tabindex": _words("0")},
    "pre": {"tabindex": _words("0")},
}
