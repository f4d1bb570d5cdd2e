"""Times on the pages of labs: in the reader's zone, with the zone named."""

from datetime import datetime, timedelta

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def clock(value: datetime | None) -> SafeString | str:
    """`10:42 EET` of today, `22 November, 10:42 EET` of other days, as a <time>; nothing for no time."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    words = f"{local:%H:%M}\N{NO-BREAK SPACE}{local:%Z}"
    if local.date() != timezone.localdate():
        words = f"{date_format(local, _date_format(local))}, {words}"
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), words)


@register.filter
def ago(value: datetime | None) -> str:
    """`5 minutes ago`; the first minute is not counted in seconds, which would be wrong at once."""
    if value is None:
        return ""
    if timezone.now() - value < timedelta(minutes=1):
        return str(_("less than a minute ago"))
    return str(naturaltime(value))


def _date_format(local: datetime) -> str:
    return "j E" if local.year == timezone.localdate().year else "j E Y"
