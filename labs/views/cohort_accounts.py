"""The accounts of a cohort's learners at a factory, for its team; inviting and ending them, for the factory's staff."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.core.validators import RegexValidator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from courses.gradebook import write_lines
from courses.models import Cohort, User
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import cohort_hub_for, invitable_hub_for, is_staff_at
from labs.exceptions import RefusedError
from labs.models import AccountKind, Hub
from labs.services.accounts import LONGEST, UNIX_NAME, end_account, invite_learners, list_standings
from labs.services.shortfalls import AccountRow, find_needed_until, list_rows

LEARNERS_PER_PAGE = 100
SLURM_NAME = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z",
    gettext_lazy("Letters, digits, “_”, “.” and “-” only, without spaces."),
)


class InvitationForm(forms.Form):
    slurm_account = forms.CharField(
        label=gettext_lazy("Project"),
        help_text=gettext_lazy("As Slurm knows it, for example “project_465000001”."),
        max_length=64,
        validators=[SLURM_NAME],
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Valid until"),
        help_text=gettext_lazy("The last day; half a year from now at most."),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    user_names = forms.CharField(
        label=gettext_lazy("User names, where you know them"),
        help_text=gettext_lazy(
            "One learner to a line: e-mail, user name. Who is named here is invited too, and can tell no other name."
        ),
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )

    def clean_user_names(self) -> dict[str, str]:
        """User names by e-mail, both in small letters."""
        found = {}
        for line in self.cleaned_data["user_names"].splitlines():
            words = line.replace(",", " ").replace(";", " ").lower().split()
            if words and (len(words) != 2 or not UNIX_NAME.fullmatch(words[1])):
                raise forms.ValidationError(
                    _("This line is no e-mail with a user name: %(line)s") % {"line": line}
                )
            if words:
                found[words[0]] = words[1]
        return found

    def clean_expires_on(self) -> date:
        day: date = self.cleaned_data["expires_on"]
        if not timezone.localdate() < day <= timezone.localdate() + LONGEST:
            raise forms.ValidationError(_("Choose a day that is to come, half a year from now at most."))
        return day


@login_required
@require_GET
def cohort_accounts(request: SignedInRequest, cohort_id: UUID, factory_slug: str) -> HttpResponse:
    cohort, hub = cohort_hub_for(request.user, cohort_id, factory_slug)
    return _show(request, cohort, hub, InvitationForm(initial=_find_initial(cohort, hub)))


@press_requires_login
def cohort_invite(request: SignedInRequest, cohort_id: UUID, factory_slug: str) -> HttpResponse:
    """Invite those who are marked, or everybody who lacks an account; prolong where there is one."""
    cohort, hub = invitable_hub_for(request.user, cohort_id, factory_slug)
    form = InvitationForm(request.POST)
    learners = _choose(request, form, list_rows(cohort, hub, timezone.now())) if form.is_valid() else []
    count = _invite(request, hub, form, learners) if form.is_valid() else 0
    if not form.is_valid():
        return _show(request, cohort, hub, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    words = ngettext("%(count)s learner is invited", "%(count)s learners are invited", count) % {
        "count": count
    }
    messages.success(
        request, _("%(learners)s. Those who are new to it are told by e-mail.") % {"learners": words}
    )
    return redirect("labs:cohort-accounts", cohort_id, factory_slug)


@press_requires_login
def cohort_account_end(request: SignedInRequest, cohort_id: UUID, factory_slug: str) -> HttpResponse:
    cohort, hub = invitable_hub_for(request.user, cohort_id, factory_slug)
    named = request.POST.get("learner", "")
    for standing in list_standings(cohort, hub):
        if str(standing.enrolment.public_id) == named and standing.account is not None:
            end_account(standing.account, actor=request.user)
            messages.success(request, _("The account is marked as expired. Sessions that run go on."))
            return redirect("labs:cohort-accounts", cohort_id, factory_slug)
    raise Http404


@login_required
@require_GET
def cohort_accounts_csv(
    request: SignedInRequest, cohort_id: UUID, factory_slug: str
) -> StreamingHttpResponse:
    """Who lacks an account that lasts, for the list of those whom the centre invites."""
    cohort, hub = cohort_hub_for(request.user, cohort_id, factory_slug)
    lacking = [row for row in list_rows(cohort, hub, timezone.now()) if row.is_lacking]
    lines = [("name", "email", "account", "user_name", "valid_until"), *map(_make_line, lacking)]
    response = StreamingHttpResponse(write_lines(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{hub.factory.slug}-accounts-to-invite.csv"'
    return response


def _choose(request: SignedInRequest, form: InvitationForm, rows: list[AccountRow]) -> list[User]:
    """Whom the press invites: those who need it or those who are marked, and those who are named."""
    names = form.cleaned_data["user_names"]
    is_all = request.POST.get("who") == "lacking"
    marked = set(request.POST.getlist("learner"))
    chosen = [
        row.enrolment.learner
        for row in rows
        if (row.is_lacking if is_all else str(row.enrolment.public_id) in marked)
        or row.enrolment.learner.email.lower() in names
    ]
    strangers = names.keys() - {row.enrolment.learner.email.lower() for row in rows}
    if strangers:
        words = ", ".join(sorted(strangers))
        form.add_error(
            "user_names", _("Nobody in this cohort has this e-mail: %(emails)s") % {"emails": words}
        )
    elif not chosen:
        form.add_error(None, _("Nobody is marked. Mark those whom you invite in the table."))
    return chosen


def _invite(request: SignedInRequest, hub: Hub, form: InvitationForm, learners: list[User]) -> int:
    given = form.cleaned_data
    names = given["user_names"]
    try:
        return invite_learners(
            hub,
            learners,
            slurm_account=given["slurm_account"],
            expires_at=datetime.combine(given["expires_on"], time.max, ZoneInfo(hub.factory.time_zone)),
            actor=request.user,
            names={each.pk: names[each.email.lower()] for each in learners if each.email.lower() in names},
        )
    except RefusedError:
        form.add_error("user_names", _("Somebody else has one of these user names at the factory."))
        return 0


def _make_line(row: AccountRow) -> tuple[object, ...]:
    learner, account = row.enrolment.learner, row.account
    ends_at = account.expires_at if account else None
    return (
        learner.full_name,
        learner.email,
        row.state,
        account.name if account else "",
        timezone.localtime(ends_at).date().isoformat() if ends_at else "",
    )


def _show(
    request: SignedInRequest, cohort: Cohort, hub: Hub, form: InvitationForm, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    rows = list_rows(cohort, hub, timezone.now())
    rows.sort(key=lambda row: not row.is_lacking)
    context = {
        "cohort": cohort,
        "hub": hub,
        "page": Paginator(rows, LEARNERS_PER_PAGE).get_page(request.GET.get("page")),
        "counts": Counter("verified" if row.is_verified else row.state for row in rows),
        "lacking_count": sum(row.is_lacking for row in rows),
        "needed_until": find_needed_until(cohort, hub),
        "form": form,
        "can_invite": is_staff_at(request.user, hub),
        "marked": request.POST.getlist("learner"),
        "section": "teaching",
    }
    return render(request, "labs/cohort_accounts.html", context, status=status)


def _find_initial(cohort: Cohort, hub: Hub) -> dict[str, object]:
    """The project of what the cohort may use there, and a day that lasts for the cohort where that is allowed."""
    own = cohort.allocations.filter(partition__hub=hub, account_kind=AccountKind.OWN)
    projects = [name for name in own.values_list("slurm_account", flat=True) if name]
    longest = timezone.localdate() + LONGEST - timedelta(days=1)
    return {
        "slurm_account": projects[0] if projects else "",
        "expires_on": min(timezone.localtime(cohort.ends_at).date(), longest),
    }
