"""What a cohort may use in words: sizes of session, reservations, and what somebody changed."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.templatetags.words import minutes as say_minutes
from labs.models import AccountKind, AllocationChange, Flavour
from labs.reasons import sentence_for
from labs.services.allocations import Reservation


@dataclass(frozen=True)
class ChangeWords:
    """A change of an allocation: what it says, why where something was said, and its row."""

    change: AllocationChange
    details: tuple[str, ...]
    note: str


def describe_flavour(flavour: Flavour) -> str:
    """`one-gcd: 1 × MI250X (64 GB), 7 cores, 60 GB, up to 8 h, 0.5 GPU-hours an hour`."""
    parts = [
        say_gpus(flavour),
        ngettext("%(count)s core", "%(count)s cores", flavour.cores) % {"count": flavour.cores},
        _("%(count)s GB memory") % {"count": flavour.memory_gb},
        _("up to %(time)s") % {"time": say_minutes(flavour.minutes_max)},
        _("%(weight)s GPU-hours an hour")
        % {"weight": number_format(flavour.weight.normalize(), use_l10n=True)},
    ]
    if not flavour.is_offered:
        parts.append(_("no longer offered"))
    return f"{flavour.slug}: " + ", ".join(parts)


def say_gpus(flavour: Flavour) -> str:
    if not flavour.gpus:
        return _("no GPU")
    memory = f" ({flavour.gpu_memory_gb} GB)" if flavour.gpu_memory_gb else ""
    name = f"{flavour.gpu_name or _('GPU')}{memory}"
    return _("a part of a %(gpu)s") % {"gpu": name} if flavour.is_slice else f"{flavour.gpus} × {name}"


def describe_reservation(reservation: Reservation) -> str:
    """Its name and its time, in the reader's zone."""
    begin, end = timezone.localtime(reservation.starts_at), timezone.localtime(reservation.ends_at)
    words = (
        f"{reservation.name}: {date_format(begin, 'DATETIME_FORMAT')} – {date_format(end, 'DATETIME_FORMAT')}"
    )
    return f"{words} {end:%Z}"


def describe_change(change: AllocationChange) -> ChangeWords:
    details = []
    for field, name in field_names().items():
        before, after = say(field, change.before.get(field, "")), say(field, change.after.get(field, ""))
        if before != after:
            details.append(
                f"{name}: {before} → {after}"
                if change.before and change.after
                else f"{name}: {after or before}"
            )
    note = sentence_for(change.reason) if change.reason else ""
    count = change.reason.partition(".")[2]
    if count:
        note += " " + _("Learners: %(count)s.") % {"count": count}
    return ChangeWords(change, tuple(details), note)


def field_names() -> dict[str, str]:
    return {
        "flavours": _("Sizes of session"),
        "account_kind": _("Unix account"),
        "slurm_account": _("Slurm account"),
        "qos": _("QOS"),
        "reservation": _("Reservation"),
        "gpu_hours": _("GPU-hours granted"),
        "position": _("Preference"),
    }


def say(field: str, value: str) -> str:
    if field == "account_kind" and value:
        return str(AccountKind(value).label)
    return value or "–"
