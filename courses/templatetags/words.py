"""How pages say times, durations, points, languages and countries: `{% load words %}`."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from django import template
from django.conf import settings
from django.utils import timezone, translation
from django.utils.dateformat import format as format_date
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.countries import country_names

register = template.Library()

# Django's own formats for English are American, those for Greek have twelve hours.
_DAYS: Final = {"en": "j F Y", "fi": "j.n.Y", "el": "j E Y"}
_TIMES: Final = {"en": ", H:i", "fi": r" \k\l\o G.i", "el": ", H:i"}


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """Day and time in the reader's zone, with the zone named: 22 November 2026, 10:42 EET."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    words = f"{_say(local, _DAYS)}{_say(local, _TIMES)} {_name_zone(local)}"
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), words)


@register.filter
def day(moment: datetime | None) -> SafeString | str:
    """The day in the reader's zone, without the time: for what begins or ends on a day."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return format_html('<time datetime="{}">{}</time>', local.date().isoformat(), _say(local, _DAYS))


@register.filter
def points(value: float | None) -> str:
    """Points as people write them: 4, 2.5, 0.33."""
    if value is None:
        return ""
    rounded = round(value, 2)
    return number_format(int(rounded) if rounded == int(rounded) else rounded)


@register.filter
def minutes(value: int | None) -> str:
    """A duration: 25 min, 1 h, 1 h 20 min."""
    if not value:
        return ""
    hours, rest = divmod(value, 60)
    if not hours:
        return _("%(minutes)s min") % {"minutes": rest}
    if not rest:
        return _("%(hours)s h") % {"hours": hours}
    return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": rest}


@register.filter
def hours(value: Decimal | float) -> str:
    """The length of a course: 1 hour, 2.5 hours."""
    number = float(value)
    return ngettext("%(hours)s hour", "%(hours)s hours", 1 if number == 1 else 2) % {"hours": points(number)}


@register.filter
def language_name(code: str) -> str:
    """A language by its own name: Suomi."""
    return dict(settings.LANGUAGES).get(code, code)


@register.filter
def language_names(codes: list[str]) -> str:
    return ", ".join(language_name(code) for code in codes)


@register.filter
def country_name(code: str) -> str:
    """A country in the reader's language: Finland, Suomi, Φινλανδία."""
    return country_names(translation.get_language() or settings.LANGUAGE_CODE).get(code, code)


def _say(local: datetime, formats: dict[str, str]) -> str:
    language = (translation.get_language() or settings.LANGUAGE_CODE).partition("-")[0]
    return format_date(local, formats.get(language, formats["en"]))


def _name_zone(local: datetime) -> str:
    """EET where the zone has letters, else UTC+03."""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"
