"""Where the relative links of a text lead, and the report of those that lead nowhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _

from courses.package.contents import LinkTarget
from courses.package.texts import Address, ReadText
from courses.unit_kinds import Report

PICTURES = (".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp")
OUTSIDE = ("http", "https", "mailto")


@dataclass(frozen=True)
class LinkMap:
    """What can be linked to: units by the paths that mean them, and the anchors of each text by unit and language."""

    units: Mapping[str, str]
    anchors: Mapping[tuple[str, str], frozenset[str]]
    languages: tuple[str, ...]


def resolve_links(
    text: ReadText,
    *,
    unit: str,
    language: str,
    module: str,
    module_files: Iterable[str],
    links: LinkMap,
    report: Report,
) -> dict[str, LinkTarget]:
    """The targets of a text's relative addresses; reports each address that leads nowhere or out of the package.

    `module` is the folder of the text's module ("" for the course's own text), `module_files` the paths that
    its texts may show.
    """
    targets: dict[str, LinkTarget] = {}
    own = frozenset(heading.anchor for heading in text.headings)
    files = {path: path.removeprefix(f"{module}/") for path in module_files}
    for address in text.addresses:
        refused = _find_refusal(address)
        if refused:
            report(text.path, refused[1] % {"address": address.value}, line=address.line, code=refused[0])
        elif not _is_outside(address):
            parts = urlsplit(address.value)
            place = normpath(join(dirname(text.path), unquote(parts.path)))
            target = (
                LinkTarget() if not parts.path else _find_target(place, address, links=links, files=files)
            )
            fragment = unquote(parts.fragment)
            code, message = _find_dead_end(
                place, address, target, fragment, _anchors(target, unit, language, own, links)
            )
            if code:
                report(text.path, message % {"address": address.value}, line=address.line, code=code)
            elif parts.path and target:
                targets[address.value] = replace(target, fragment=fragment)
    return targets


def _find_refusal(address: Address) -> tuple[str, str] | None:
    """The code and message for an address that is wrong whatever the package holds."""
    try:
        parts = urlsplit(address.value)
    except ValueError:
        return "wrong-address", _("“%(address)s” is not an address.")
    if address.is_picture and parts.scheme == "data":
        return None
    if parts.scheme and parts.scheme not in OUTSIDE:
        return "unsafe-link", _("“%(address)s”: links begin with https://, http:// or mailto:.")
    if address.is_picture and (parts.scheme or parts.netloc):
        return "remote-image", _("“%(address)s”: pictures come from the package, not from another site.")
    if not parts.scheme and (parts.netloc or parts.path.startswith("/") or "\\" in unquote(parts.path)):
        return "absolute-link", _("“%(address)s”: a link within the course is relative to its file.")
    return None


def _is_outside(address: Address) -> bool:
    return bool(urlsplit(address.value).scheme)


def _find_target(
    place: str, address: Address, *, links: LinkMap, files: Mapping[str, str]
) -> LinkTarget | None:
    if place in files and (not address.is_picture or place.lower().endswith(PICTURES)):
        return LinkTarget(file=files[place])
    if place in links.units and not address.is_picture:
        return LinkTarget(unit=links.units[place])
    return None


def _find_dead_end(
    place: str, address: Address, target: LinkTarget | None, fragment: str, anchors: frozenset[str]
) -> tuple[str, str]:
    """The code and message for an address that leads nowhere; empty when it leads somewhere."""
    if place == ".." or place.startswith("../"):
        return "leaves-package", _("“%(address)s” leads out of the package.")
    if address.is_picture and (target is None or not target.file):
        return "dead-image", _("“%(address)s”: there is no such picture in this module.")
    if target is None or not (address.value and address.value != "#"):
        return "dead-link", _("“%(address)s” leads to nothing in this package.")
    if fragment and fragment not in anchors:
        return "dead-link", _("“%(address)s”: there is no such heading.")
    return "", ""


def _anchors(
    target: LinkTarget | None, unit: str, language: str, own: frozenset[str], links: LinkMap
) -> frozenset[str]:
    if target is None or target.file:
        return frozenset()
    if not target.unit or target.unit == unit:
        return own
    for wanted in (language, *links.languages):
        if (target.unit, wanted) in links.anchors:
            return links.anchors[target.unit, wanted]
    return frozenset()
