"""How much work a piece of HTML can make: the sanitiser's parser has no time limit of its own."""

import re
from collections import Counter

from courses.markdown.allowed import words

# The parser (html5ever) looks through all open elements at some tags, and repeats open formatting elements in
# each new block: both grow with the square of what is left open. With these numbers the worst took 0.2 s.
MAX_OPEN = 4_000
MAX_REPEATED = 500_000

# It compares each attribute of a tag with the tag's others, and they may stand apart by no more than a slash.
MAX_SLASHES = 40_000

FORMATTING = words("a b big code em font i nobr s small strike strong tt u")
CLOSED_BY_THE_NEXT = words("br col dd dt hr img input li option p tbody td tfoot th thead tr wbr")

_START_TAG = re.compile(r"<([A-Za-z][^\s/>]{0,20})")


def is_costly(html: str, *, surroundings: str | None = None) -> bool:
    """Whether parsing this may take much longer than its length suggests.

    `surroundings` is the page that holds it. Start tags are counted as if nothing ever closed them, because
    what closes what can only be known by parsing.
    """
    names = Counter(name.lower() for name in _START_TAG.findall(html))
    left_open = sum(count for name, count in names.items() if name not in CLOSED_BY_THE_NEXT)
    formatting = sum(count for name, count in names.items() if name in FORMATTING)
    repeated = formatting * (surroundings or html).count("<")
    return left_open > MAX_OPEN or repeated > MAX_REPEATED or html.count("/") > MAX_SLASHES
