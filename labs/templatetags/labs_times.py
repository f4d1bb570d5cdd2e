"""Times on the pages of labs: in the reader's zone, with the zone named."""

from datetime import datetime, timedelta
from typing import Final

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from courses.templatetags.words import minutes as say_minutes

register = template.Library()

# The hour, the day and what joins them, where a language differs from English.
_HOURS: Final = {"fi": "\\k\\l\\o\N{NO-BREAK SPACE}G.i"}
_SECONDS: Final = {"fi": ".s"}
_DAYS: Final = {"fi": "j. E"}
_JOINTS: Final = {"fi": " "}

LONG_SECONDS: Final = 100
TEN: Final = 10
TENTH: Final = 0.1


@register.filter
def clock(value: datetime | None, needs_seconds: bool = False) -> SafeString | str:
    """`10:42 EET` of today, `22 November, 10:42 EET` of other days, as a <time>; nothing for no time.

    In Finnish `klo 10.42 EET` and `22. marraskuuta klo 10.42 EET`. Seconds where two times could not be told apart.
    """
    if value is None:
        return ""
    local = timezone.localtime(value)
    language = (translation.get_language() or "").partition("-")[0]
    hour = _HOURS.get(language, "H:i") + (_SECONDS.get(language, ":s") if needs_seconds else "")
    words = f"{date_format(local, hour)}\N{NO-BREAK SPACE}{local:%Z}"
    if local.date() != timezone.localdate():
        day = _DAYS.get(language, "j E") + ("" if local.year == timezone.localdate().year else " Y")
        words = f"{date_format(local, day)}{_JOINTS.get(language, ', ')}{words}"
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), words)


@register.filter
def ago(value: datetime | None) -> str:
    """`5 minutes ago`; the first minute is not counted in seconds, which would be wrong at once."""
    if value is None:
        return ""
    if timezone.now() - value < timedelta(minutes=1):
        return str(_("less than a minute ago"))
    return str(naturaltime(value))


@register.filter
def seconds(value: float | None) -> str:
    """A duration that was measured: `0.08 s`, `2.3 s`, `41 s`, `3 min 20 s`, `2 h 5 min`."""
    if value is None:
        return ""
    if value < LONG_SECONDS:
        digits = 0 if value >= TEN else 1 if value >= TENTH else 2
        return _("%(seconds)s s") % {"seconds": number_format(value, digits)}
    minutes, rest = divmod(round(value), 60)
    if minutes >= LONG_SECONDS or not rest:
        return say_minutes(minutes)
    return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}


@register.filter
def span(minutes: int | None) -> str:
    """A duration that goes by: `1 h 42 min`; the last minute is not counted in seconds."""
    if minutes is None:
        return ""
    return say_minutes(minutes) if minutes else _("less than a minute")
