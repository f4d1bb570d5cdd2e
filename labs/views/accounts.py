"""A learner's own accounts at factories: what they are for, how far each is, and telling one's user name."""

from http import HTTPStatus

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from courses.models import User
from courses.unit_kinds import Panel
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import account_hub_for, own_account_for
from labs.exceptions import RefusedError
from labs.models import FactoryAccount
from labs.reasons import sentence_for
from labs.services.account_needs import find_need, find_needs
from labs.services.accounts import UNIX_NAME_LENGTH, find_job, request_check, tell_name
from labs.services.page_versions import make_version
from labs.states import AccountStatus
from labs.views.account_words import has_failed, is_unproved, list_steps
from labs.views.responses import render_polled
from labs.views.session_words import find_progress
from labs.work.account_codes import make_code, make_line

POLL_SECONDS = 2


class NameForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Your user name at the factory"),
        help_text=gettext_lazy("For example “kvirtane”. No password: Paja never asks for one."),
        max_length=UNIX_NAME_LENGTH,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


def learning_panels(user: User) -> list[Panel]:
    """One panel on the person's own page, where something about an account has to be done or waited for."""
    needs = [need for need in find_needs(user, timezone.now()) if need.is_urgent]
    return [Panel("labs/_account_notices.html", {"needs": needs})] if needs else []


@login_required
@require_GET
def accounts(request: SignedInRequest) -> HttpResponse:
    context = {"needs": find_needs(request.user, timezone.now()), "section": "learning"}
    return render(request, "labs/accounts.html", context)


@login_required
@require_GET
def account(request: SignedInRequest, factory_slug: str) -> HttpResponse:
    return render(request, "labs/account_detail.html", _context(request, factory_slug))


@login_required
@require_GET
def account_status(request: SignedInRequest, factory_slug: str) -> HttpResponse:
    context = _context(request, factory_slug)
    return render_polled(
        request,
        "labs/_account_status.html",
        context,
        version=str(context["version"]),
        is_at_rest=not context["is_moving"],
    )


@press_requires_login
def account_name(request: SignedInRequest, factory_slug: str) -> HttpResponse:
    """Take the user name; the page then says how to show whose it is."""
    own = own_account_for(request.user, factory_slug)
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            tell_name(own, form.cleaned_data["name"], actor=request.user)
        except RefusedError as refusal:
            form.add_error("name", sentence_for(refusal.reason))
        else:
            return redirect("labs:account", factory_slug)
    context = {**_context(request, factory_slug), "form": form}
    return render(request, "labs/account_detail.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@press_requires_login
def account_check(request: SignedInRequest, factory_slug: str) -> HttpResponse:
    own = own_account_for(request.user, factory_slug)
    try:
        request_check(own, actor=request.user)
    except RefusedError as refusal:
        context = {**_context(request, factory_slug), "refusal": sentence_for(refusal.reason)}
        return render(request, "labs/account_detail.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect("labs:account", factory_slug)


def _context(request: SignedInRequest, factory_slug: str) -> dict[str, object]:
    now = timezone.now()
    need = find_need(request.user, account_hub_for(request.user, factory_slug), now)
    own = need.account
    job = find_job(own) if own else None
    steps = list_steps(need, job, now)
    is_moving = own is not None and own.status == AccountStatus.VERIFYING
    return {
        "need": need,
        "account": own,
        "factory": need.hub.factory,
        "steps": steps,
        "progress": find_progress(steps),
        "fault": sentence_for(own.reason) if own and has_failed(own) else "",
        "is_unproved": own is not None and is_unproved(own),
        "form": NameForm(initial={"name": own.name}) if own and _can_tell(own) else None,
        "line": make_line(make_code(own)) if own and own.name and not own.is_vouched else "",
        "is_moving": is_moving,
        "poll_seconds": POLL_SECONDS,
        "version": make_version(need.state, own and own.reason, [step.note for step in steps]),
        "section": "learning",
    }


def _can_tell(account: FactoryAccount) -> bool:
    return account.status == AccountStatus.INVITED and not account.is_vouched
