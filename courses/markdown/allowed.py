"""What may stand in HTML that others wrote: the lists by which `sanitising` cleans."""

from collections.abc import Mapping

from courses.markdown.callouts import CALLOUTS
from courses.markdown.highlighting import LANGUAGE_CLASSES, TOKEN_CLASSES


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


INLINE_TAGS = words(
    "a abbr b bdi br cite code del dfn em i img ins kbd mark q s samp small span strong sub sup time u var wbr"
)
TAGS = INLINE_TAGS | words(
    "blockquote caption center col colgroup dd details div dl dt figcaption figure h2 h3 h4 h5 h6 hr li ol p pre "
    "section summary table tbody td tfoot th thead tr ul"
)

# Gone with all that is in them. The content of any other unknown tag stays.
DROPPED = words(
    "applet audio canvas embed frameset iframe math noembed noframes noscript object script select style svg "
    "template textarea title video xmp"
)

ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "*": words("lang dir title"),
    "a": words("href aria-label"),
    "div": words("aria-label"),
    "img": words("src alt width height"),
    "ol": words("start"),
    "td": words("colspan rowspan"),
    "th": words("colspan rowspan scope"),
    "time": words("datetime"),
}
WITH_ID = ("a", "div", "figure", "h2", "h3", "h4", "h5", "h6", "li", "p", "section", "span", "sup")

CELL_CLASSES = words("text-start text-center text-end")
CLASSES: Mapping[str, frozenset[str]] = {
    "a": words("footnote-backref"),
    "code": LANGUAGE_CLASSES,
    "div": words("callout codehilite display math table-scroll")
    | frozenset(f"callout-{name}" for name in CALLOUTS),
    "hr": words("footnotes-sep"),
    "li": words("footnote-item"),
    "ol": words("footnotes-list"),
    "p": words("callout-title"),
    "section": words("footnotes"),
    "span": TOKEN_CLASSES | {"display", "inline", "math"},
    "sup": words("footnote-ref"),
    "table": words("dataframe"),
    "td": CELL_CLASSES,
    "th": CELL_CLASSES,
}
FIXED_VALUES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "div": {"role": words("note group"), "tabindex": words("0")},
    "pre": {"tabindex": words("0")},
}
