"""Forms about people."""

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from courses.models import User


def time_zone_choices() -> list[tuple[str, str]]:
    """Europe first, then the rest, each by its name in the time zone database."""
    names = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/")
    )
    europe = [name for name in names if name.startswith("Europe/")]
    others = [name for name in names if not name.startswith("Europe/")]
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in europe + others)]


class PersonalSettingsForm(forms.ModelForm[User]):
    """Name, language and time zone of an account."""

    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zone_choices)

    class Meta:
        model = User
        fields = ["full_name", "language", "time_zone", "organisation", "country"]


class PersonalSettingsSignupForm(forms.Form):
    """What sign-up asks beside e-mail and password; allauth calls `signup` with the new user."""

    full_name = forms.CharField(
        label=_("Name"), max_length=150, required=False, help_text=_("Optional. Your instructors see it.")
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zone_choices, initial="Europe/Helsinki")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].initial = get_language()

    def signup(self, request: HttpRequest, user: User) -> None:
        user.full_name = self.cleaned_data["full_name"]
        user.language = self.cleaned_data["language"]
        user.time_zone = self.cleaned_data["time_zone"]
        user.save(update_fields=["full_name", "language", "time_zone"])
