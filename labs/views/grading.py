"""The grading as those who watch over it see it: the queue, its times, its faults; pausing a lab."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from courses.access import factories_for, taught_cohorts_for
from courses.models import Factory, User
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import (
    can_pause,
    graded_lab_for,
    grading_factories_for,
    pausable_lab_for,
    watched_labs_for,
)
from labs.models import GradingPause, Lab
from labs.services.grader_health import find_grader_health
from labs.services.grading_faults import find_faults, find_outcomes, find_ungraded
from labs.services.grading_health import find_grading_health
from labs.services.grading_pauses import (
    find_open_pause,
    find_pauses,
    pause_grading,
    resume_grading,
)
from labs.services.grading_times import find_grading_times
from labs.services.lab_units import find_lab_names
from labs.services.page_versions import make_version
from labs.views.grading_tables import (
    SHOWN_OUTCOMES,
    describe_graders,
    describe_outcomes,
    describe_queues,
    describe_times,
    describe_workers,
)
from labs.views.responses import redirect_back, render_polled

SPANS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
PAUSES_SHOWN: Final = 20


class PauseForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Note for learners and their teams"),
        help_text=gettext_lazy("For example what is wrong, and until when you expect to mend it."),
        max_length=GradingPause._meta.get_field("note").max_length,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )


@login_required
@require_GET
def grading(request: SignedInRequest) -> HttpResponse:
    factories = grading_factories_for(request.user)
    context = {
        **_now_context(request.user, factories),
        **_times_context(request),
        "pauses": _name_pauses(request.user),
        "factories": factories,
        "section": "grading",
    }
    return render(request, "labs/grading.html", context)


@login_required
@require_GET
def grading_now(request: SignedInRequest) -> HttpResponse:
    """The part of the page that moves."""
    context = _now_context(request.user, grading_factories_for(request.user))
    return render_polled(
        request, "labs/_grading_now.html", context, version=str(context["version"]), is_at_rest=False
    )


@login_required
@require_GET
def grading_times(request: SignedInRequest) -> HttpResponse:
    """The part of the page that costs the database most, and changes slowly."""
    grading_factories_for(request.user)
    return render(request, "labs/_grading_times.html", _times_context(request))


@login_required
@require_GET
def grading_lab(request: SignedInRequest, course_slug: str, lab_slug: str) -> HttpResponse:
    """A lab's pauses, and what a pause does before somebody begins one."""
    lab = graded_lab_for(request.user, course_slug, lab_slug)
    return render(request, "labs/grading_lab.html", _lab_context(request.user, lab, PauseForm()))


@press_requires_login
def grading_pause(request: SignedInRequest, course_slug: str, lab_slug: str) -> HttpResponse:
    lab = pausable_lab_for(request.user, course_slug, lab_slug, timezone.now())
    form = PauseForm(request.POST)
    if not form.is_valid():
        context = _lab_context(request.user, lab, form)
        return render(request, "labs/grading_lab.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    pause_grading(lab, note=form.cleaned_data["note"], actor=request.user)
    messages.success(request, _("The grading of this lab is paused. What is handed in now waits."))
    return redirect("labs:grading-lab", course_slug, lab_slug)


@press_requires_login
def grading_resume(request: SignedInRequest, course_slug: str, lab_slug: str) -> HttpResponse:
    lab = pausable_lab_for(request.user, course_slug, lab_slug, timezone.now())
    renewed = resume_grading(lab, actor=request.user)
    if renewed is None:
        messages.info(request, _("The grading of this lab was not paused any more."))
    else:
        messages.success(request, _describe_resumption(renewed))
    return redirect_back(request, "labs:grading-lab", course_slug, lab_slug)


def _now_context(user: User, factories: list[Factory]) -> dict[str, object]:
    now = timezone.now()
    health = find_grading_health(now)
    labs = watched_labs_for(user)
    seen = set(labs.values_list("pk", flat=True))
    paused = {pause.lab_id: pause for pause in find_pauses(labs, most=PAUSES_SHOWN) if not pause.ended_at}
    ungraded = find_ungraded(taught_cohorts_for(user), now)
    wanted = {queue.lab_id for queue in health.queues} | {run.submission.lab_id for run in ungraded.shown}
    names = find_lab_names((wanted | set(paused)) & seen, get_language() or "")
    graders = find_grader_health(factories, health.of_graders)
    failed_graders = [each.factory.slug for each in graders if each.is_in_trouble]
    return {
        "health": health,
        "queues": describe_queues(health, names, paused),
        "workers": describe_workers(health, names),
        "graders": describe_graders(graders),
        "failed_graders": failed_graders,
        "faults": find_faults(labs, now),
        "ungraded": ungraded,
        "ungraded_rows": [(run, names.get(run.submission.lab_id)) for run in ungraded.shown],
        "version": make_version(
            health.state,
            ungraded.count,
            sorted(paused),
            failed_graders,
            quiet=(health.ended_at, graders, now if health.queues else None),
        ),
    }


def _times_context(request: SignedInRequest) -> dict[str, object]:
    span = request.GET.get("over", "")
    span = span if span in SPANS else "hour"
    now = timezone.now()
    times, outcomes = find_grading_times(now - SPANS[span]), find_outcomes(now)
    labs = watched_labs_for(request.user).filter(
        pk__in={*times.of_labs, *(outcome.lab_id for outcome in outcomes)}
    )
    names = find_lab_names(labs.values_list("pk", flat=True), get_language() or "")
    return {
        "span": span,
        "times": times,
        "time_rows": describe_times(times, names),
        "outcomes": describe_outcomes(outcomes, names),
        "outcome_names": SHOWN_OUTCOMES,
    }


def _lab_context(user: User, lab: Lab, form: PauseForm) -> dict[str, object]:
    names = find_lab_names([lab.pk], get_language() or "")
    return {
        "lab": lab,
        "name": names[lab.pk],
        "pause": find_open_pause(lab),
        "pauses": [
            (pause, names[lab.pk]) for pause in find_pauses(Lab.objects.filter(pk=lab.pk), most=PAUSES_SHOWN)
        ],
        "form": form,
        "can_pause": can_pause(user, lab, timezone.now()),
        "is_watching": factories_for(user).exists(),
        "section": "grading",
    }


def _describe_resumption(renewed: int) -> str:
    words = _("The grading of this lab goes on. What waited is graded in its order.")
    if not renewed:
        return words
    more = ngettext(
        "%(number)s submission is graded by the release of the lab that its cohort has now.",
        "%(number)s submissions are graded by the release of the lab that their cohorts have now.",
        renewed,
    )
    return f"{words} {more % {'number': renewed}}"


def _name_pauses(user: User) -> list[tuple[GradingPause, object]]:
    pauses = find_pauses(watched_labs_for(user), most=PAUSES_SHOWN)
    names = find_lab_names([pause.lab_id for pause in pauses], get_language() or "")
    return [(pause, names[pause.lab_id]) for pause in pauses]
