"""HTML that others wrote, reduced to what is harmless, by nh3 (the Rust library ammonia)."""

import re
from collections.abc import Callable
from functools import cache
from html import escape

import nh3
from django.utils.safestring import SafeString, mark_safe

from courses.markdown.allowed import ATTRIBUTES, CLASSES, DROPPED, FIXED_VALUES, INLINE_TAGS, TAGS, WITH_ID
from courses.markdown.cost import is_costly

LINK_SCHEMES = frozenset(["http", "https", "mailto"])

MAX_OUTPUT = 2_097_152
MAX_OUTPUT_TEXT = 262_144
"""Characters of an HTML output with and without its inline pictures; more is shown as text, cut."""

MAX_SHOWN = 20_000
"""Characters of an output that is shown as text."""

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# "https:path" without slashes is a relative address on a page of the same scheme.
_OUTWARD = re.compile(r"https?://|mailto:", re.IGNORECASE)
_IGNORED_IN_ADDRESSES = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}", re.IGNORECASE)
_PATTERNS = {
    "id": re.compile(r"[\w:.-]{1,120}"),
    "lang": re.compile(r"[A-Za-z0-9-]{1,35}"),
    "dir": re.compile(r"ltr|rtl|auto"),
    "scope": re.compile(r"col|row|colgroup|rowgroup"),
    **dict.fromkeys(("width", "height", "start"), re.compile(r"[0-9]{1,4}")),
    **dict.fromkeys(("colspan", "rowspan"), re.compile(r"[0-9]{1,3}")),
}


def sanitise_html(html: str) -> SafeString:
    """A notebook's HTML output, reduced to tables, simple formatting and inline PNG or JPEG. Never raises.

    No ids, styles, forms, frames or relative addresses. What is too large or too deep is shown as text.
    """
    html = replace_surrogates(html)
    if len(html) > MAX_OUTPUT or len(_PICTURE.sub("", html)) > MAX_OUTPUT_TEXT or is_costly(html):
        return mark_clean(f'<pre class="plain" tabindex="0">{escape(html[:MAX_SHOWN])}</pre>')
    return mark_clean(_output_cleaner().clean(html))


def clean_markdown(
    html: str, *, trusted: bool, resolve: Callable[[str], str | None] | None, id_prefix: str
) -> str:
    """Sanitise what the Markdown parser made; the rules are those of `render_markdown`."""
    cleaner = nh3.Cleaner(
        tags=TAGS,
        clean_content_tags=DROPPED,
        attributes={**ATTRIBUTES, **{tag: ATTRIBUTES.get(tag, frozenset()) | {"id"} for tag in WITH_ID}},
        tag_attribute_values=FIXED_VALUES,
        set_tag_attribute_values={"img": {"loading": "lazy"}},
        allowed_classes=CLASSES,
        url_schemes=LINK_SCHEMES | {"data"},
        url_relative=_relative_rule(trusted=trusted, resolve=resolve, id_prefix=id_prefix),
        attribute_filter=_attribute_rule(
            id_prefix=id_prefix, remote_pictures=trusted, pictures=("png", "jpeg", "gif", "webp")
        ),
    )
    return cleaner.clean(html)


def clean_inline(html: str) -> str:
    """Sanitise one line: no blocks, no ids, no pictures but those within it."""
    return _inline_cleaner().clean(html)


def replace_surrogates(text: str) -> str:
    """A notebook's JSON can hold half a character, which cannot be written anywhere."""
    return text.encode("utf-8", "replace").decode("utf-8")


def mark_clean(html: str) -> SafeString:
    return mark_safe(html)  # noqa: S308 -- only called with the output of a cleaner of this module, or escaped text


@cache
def _output_cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        clean_content_tags=DROPPED,
        attributes=ATTRIBUTES,
        allowed_classes={tag: names for tag, names in CLASSES.items() if tag in ("table", "td", "th")},
        url_schemes=LINK_SCHEMES | {"data"},
        url_relative="deny",
        attribute_filter=_attribute_rule(id_prefix="", remote_pictures=False, pictures=("png", "jpeg")),
    )


@cache
def _inline_cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=INLINE_TAGS,
        clean_content_tags=DROPPED,
        attributes=ATTRIBUTES,
        allowed_classes={tag: names for tag, names in CLASSES.items() if tag in ("code", "span")},
        url_schemes=LINK_SCHEMES | {"data"},
        url_relative="deny",
        attribute_filter=_attribute_rule(
            id_prefix="", remote_pictures=False, pictures=("png", "jpeg", "gif", "webp")
        ),
    )


def _relative_rule(
    *, trusted: bool, resolve: Callable[[str], str | None] | None, id_prefix: str
) -> Callable[[str], str | None]:
    def rule(address: str) -> str | None:
        if address.startswith("#"):
            return address
        if "\\" in address or address.startswith("//"):  # leaves for another host
            return None
        if resolve is None:
            return address if trusted else None
        place, hash_sign, anchor = (resolve(address) or "").partition("#")
        return f"{place}#{id_prefix}{anchor}" if hash_sign else place or None

    return rule


def _attribute_rule(
    *, id_prefix: str, remote_pictures: bool, pictures: tuple[str, ...]
) -> Callable[[str, str, str], str | None]:
    def rule(_tag: str, name: str, value: str) -> str | None:
        if name == "src":
            return _picture_address(value, remote=remote_pictures, formats=pictures)
        if name == "href":
            return _link_address(value, id_prefix)
        pattern = _PATTERNS.get(name)
        if pattern is not None and not pattern.fullmatch(value):
            return None
        return id_prefix + value if name == "id" else value

    return rule


def _picture_address(value: str, *, remote: bool, formats: tuple[str, ...]) -> str | None:
    address = _IGNORED_IN_ADDRESSES.sub("", value)
    scheme = _SCHEME.match(address)
    if scheme is None:
        return address
    if scheme[1].lower() == "data":
        picture = _PICTURE.fullmatch(address)
        return address if picture and picture[1].lower() in formats else None
    return address if remote and _OUTWARD.match(address) else None


def _link_address(value: str, id_prefix: str) -> str | None:
    address = _IGNORED_IN_ADDRESSES.sub("", value)
    scheme = _SCHEME.match(address)
    if scheme is not None and not _OUTWARD.match(address):
        return None
    return f"#{id_prefix}{address[1:]}" if address.startswith("#") and len(address) > 1 else address
