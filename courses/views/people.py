"""A person's own settings, language and API key."""

from django.conf import settings as django_settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.authtoken.models import Token

from courses.forms import PersonalSettingsForm
from courses.services import tokens
from courses.views.requests import SignedInRequest, press_requires_login

_A_YEAR = 365 * 24 * 60 * 60
_NEW_TOKEN = "new_api_token"  # noqa: S105 - the name of a place in the session


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: SignedInRequest) -> HttpResponse:
    form = PersonalSettingsForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        with translation.override(user.language):
            messages.success(request, _("Your settings are saved."))
        return _remember_language(redirect("courses:settings"), user.language)
    context = {
        "form": form,
        "new_token": request.session.pop(_NEW_TOKEN, ""),  # shown once, gone from the next page on
        "has_token": Token.objects.filter(user=request.user).exists(),
    }
    return render(request, "courses/settings.html", context)


@press_requires_login
def renew_token(request: SignedInRequest) -> HttpResponse:
    request.session[_NEW_TOKEN] = tokens.renew_token(request.user)
    return redirect(reverse("courses:settings") + "#token")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language of the pages, for this browser and for the account."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    response = redirect(target)
    language = request.POST.get("language", "")
    if language not in dict(django_settings.LANGUAGES):
        return response
    if request.user.is_authenticated:
        request.user.language = language
        request.user.save(update_fields=["language"])
    return _remember_language(response, language)


def _remember_language(response: HttpResponse, language: str) -> HttpResponse:
    response.set_cookie(
        django_settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=_A_YEAR,
        samesite="Lax",
        secure=django_settings.SESSION_COOKIE_SECURE,
        httponly=True,
    )
    return response
