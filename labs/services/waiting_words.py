"""Waits, places and sizes in words: the same ones on every page."""

from typing import Final

from django.contrib.humanize.templatetags.humanize import ordinal
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.templatetags.words import minutes as say_minutes
from courses.templatetags.words import points as say_number
from labs.models import Flavour, Partition
from labs.services.queue_places import SlurmPlace

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
FEW_HOURS: Final = 10 * HOUR


def say_wait(seconds: int | None) -> str:
    """`now`, `about 6 min`, `not known yet`: rounded, so that it rarely changes."""
    if seconds is None:
        return _("not known yet")
    if seconds < MINUTE:
        return _("now")
    if seconds >= 2 * DAY:
        days = round(seconds / DAY)
        return ngettext("about %(count)s day", "about %(count)s days", days) % {"count": days}
    minutes = round(seconds / MINUTE)
    if seconds >= FEW_HOURS:
        minutes = 60 * round(seconds / HOUR)
    return _("about %(time)s") % {"time": say_minutes(minutes)}


def say_wait_length(seconds: int | None) -> str:
    """`less than a minute`, `about 6 min`: where `now` would be no answer."""
    return _("less than a minute") if seconds is not None and seconds < MINUTE else say_wait(seconds)


def say_start(seconds: int | None) -> str:
    """What a start now would mean: `starts now`, `starts in about 6 min`."""
    if seconds is None:
        return _("when it starts is not known yet")
    if seconds < MINUTE:
        return _("starts now")
    return _("starts in %(wait)s") % {"wait": say_wait(seconds)}


def say_gpus(flavour: Flavour) -> str:
    """`1 GPU`, `no GPU`, `a part of a GPU`."""
    if flavour.is_slice:
        return _("a part of a GPU")
    if not flavour.gpus:
        return _("no GPU")
    return ngettext("%(count)s GPU", "%(count)s GPUs", flavour.gpus) % {"count": flavour.gpus}


def say_size(flavour: Flavour) -> str:
    """`1 GPU (MI250X), 64 GB of GPU memory, 7 cores, 60 GB of memory`."""
    gpus = say_gpus(flavour)
    parts = [f"{gpus} ({flavour.gpu_name})" if flavour.gpu_name and flavour.gpus else gpus]
    if flavour.gpu_memory_gb and flavour.gpus:
        parts.append(_("%(gigabytes)s GB of GPU memory") % {"gigabytes": flavour.gpu_memory_gb})
    parts.append(ngettext("%(count)s core", "%(count)s cores", flavour.cores) % {"count": flavour.cores})
    parts.append(_("%(gigabytes)s GB of memory") % {"gigabytes": flavour.memory_gb})
    return ", ".join(parts)


def say_price(flavour: Flavour) -> str:
    """What an hour costs its course; empty where it costs nothing."""
    if not flavour.weight:
        return ""
    words = ngettext(
        "An hour of it costs your course %(hours)s GPU-hour.",
        "An hour of it costs your course %(hours)s GPU-hours.",
        1 if flavour.weight == 1 else 2,
    )
    return words % {"hours": say_number(float(flavour.weight))}


def name_partition(partition: Partition) -> str:
    """`Athens gpu`: a partition beside those of other factories."""
    return f"{partition.hub.factory.city} {partition.name}"


def say_short_place(place: SlurmPlace) -> str:
    """`4th in the queue`, where there is little room."""
    if place.has_begun or place.is_paused:
        return _("starting")
    if place.place is None:
        return _("in the queue")
    return _("%(place)s in the queue") % {"place": ordinal(place.place)}


def say_place(place: SlurmPlace) -> str:
    """`4th in the queue of small-g`; where no place is known, in whose queue it is."""
    name = place.partition.name
    if place.is_paused:
        return _("Paused by the factory")
    if place.has_begun:
        return _("Your turn at %(partition)s has come") % {"partition": name}
    if place.place is None:
        return _("In the queue of %(partition)s") % {"partition": name}
    words = _("%(place)s in the queue of %(partition)s")
    return words % {"place": ordinal(place.place), "partition": name}
