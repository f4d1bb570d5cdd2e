"""Forms about people."""

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from courses.countries import country_names
from courses.models import User


def time_zone_choices() -> list[tuple[str, str]]:
    """Europe first, then the rest, each by its name in the time zone database."""
    names = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/")
    )
    europe = [name for name in names if name.startswith("Europe/")]
    others = [name for name in names if not name.startswith("Europe/")]
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in europe + others)]


def country_choices() -> list[tuple[str, str]]:
    """Countries by their names in the language of the page."""
    names = country_names(get_language() or settings.LANGUAGE_CODE)
    return [("", "–"), *sorted(names.items(), key=lambda item: item[1])]


class PersonalSettingsForm(forms.ModelForm[User]):
    """Name, language and time zone of an account, and what a factory's report counts."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        help_text=_("All times on the pages are in this zone."),
    )
    country = forms.ChoiceField(
        label=_("Country"),
        choices=country_choices,
        required=False,
        help_text=_("The factories report to their funder how many learners each country has."),
    )

    class Meta:
        model = User
        fields = ["full_name", "language", "time_zone", "organisation", "country"]
        labels = {"full_name": _("Name"), "language": _("Language"), "organisation": _("Organisation")}
        help_texts = {
            "full_name": _("Your instructors see it; it is never sent to a supercomputer."),
            "organisation": _("The factories report to their funder which organisations they train."),
        }


class PersonalSettingsSignupForm(forms.Form):
    """What sign-up asks beside e-mail and password; allauth calls `signup` with the new user."""

    full_name = forms.CharField(
        label=_("Name"), max_length=150, required=False, help_text=_("Your instructors see it.")
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zone_choices, initial="Europe/Helsinki")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].initial = get_language()

    def signup(self, _request: HttpRequest, user: User) -> None:
        user.full_name = self.cleaned_data["full_name"]
        user.language = self.cleaned_data["language"]
        user.time_zone = self.cleaned_data["time_zone"]
        user.save(update_fields=["full_name", "language", "time_zone"])
