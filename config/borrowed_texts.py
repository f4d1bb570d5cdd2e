"""Texts of Django and allauth that people see and whose own Greek or Finnish is missing, faulty or in other words
than ours. Named here, they are collected into our catalogues, which win over theirs; nothing imports this module."""

from django.utils.translation import gettext_noop, ngettext_lazy, npgettext_lazy

TEXTS = (
    gettext_noop("Enter a valid email address."),
    gettext_noop("Incorrect password."),
    gettext_noop("Password successfully changed."),
    gettext_noop("Password successfully set."),
    gettext_noop("Primary email address set."),
    gettext_noop("The email address and/or password you specified are not correct."),
    gettext_noop("This email address is already associated with this account."),
    gettext_noop("This password is too common."),
    gettext_noop("You cannot remove your primary email address (%(email)s)."),
    gettext_noop("You must type the same password each time."),
    gettext_noop("Your password can’t be a commonly used password."),
    gettext_noop("Your password can’t be too similar to your other personal information."),
    gettext_noop("Your primary email address must be verified."),
)
COUNTED_TEXTS = (
    ngettext_lazy(
        "This password is too short. It must contain at least %d character.",
        "This password is too short. It must contain at least %d characters.",
    ),
    ngettext_lazy(
        "Your password must contain at least %(min_length)d character.",
        "Your password must contain at least %(min_length)d characters.",
    ),
    ngettext_lazy("a minute ago", "%(count)s minutes ago"),
    ngettext_lazy("an hour ago", "%(count)s hours ago"),
    npgettext_lazy("naturaltime-past", "%(num)d hour", "%(num)d hours"),
    npgettext_lazy("naturaltime-past", "%(num)d day", "%(num)d days"),
    npgettext_lazy("naturaltime-past", "%(num)d week", "%(num)d weeks"),
    npgettext_lazy("naturaltime-past", "%(num)d month", "%(num)d months"),
    npgettext_lazy("naturaltime-past", "%(num)d year", "%(num)d years"),
)
