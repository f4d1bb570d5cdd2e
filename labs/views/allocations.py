"""What a cohort may use of factories' partitions: a page for its team, and forms for its factory's staff."""

from decimal import Decimal
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.validators import MinValueValidator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from courses.access import taught_cohort_for
from courses.models import Cohort
from courses.views.requests import SignedInRequest, press_requires_login
from labs.access import (
    account_hubs_of,
    providable_partition_for,
    providable_partitions_for,
    provided_cohort_for,
    provided_cohorts_for,
)
from labs.exceptions import RefusedError
from labs.models import AccountKind, Allocation, Flavour, Partition
from labs.reasons import sentence_for
from labs.services.allocations import (
    Plan,
    find_allocation,
    find_next_position,
    find_plan_shortfall,
    list_allocations,
    list_changes,
    list_reservations,
    make_version,
    remove_allocation,
    save_allocation,
)
from labs.services.shortfalls import Shortfall, find_shortfalls
from labs.views.allocation_words import describe_change, describe_flavour, describe_reservation
from labs.views.cohort_accounts import SLURM_NAME

MOST_HOURS = Decimal(1_000_000)


class FlavoursField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, flavour: Flavour) -> str:
        return describe_flavour(flavour)


class AllocationForm(forms.Form):
    flavours = FlavoursField(
        label=gettext_lazy("Sizes of session"),
        help_text=gettext_lazy("A lab starts in the smallest that has what it needs."),
        queryset=Flavour.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )
    account_kind = forms.ChoiceField(
        label=gettext_lazy("Unix account"),
        help_text=gettext_lazy("As whom the learners’ jobs run at the factory."),
        choices=AccountKind.choices,
        widget=forms.RadioSelect,
    )
    slurm_account = forms.CharField(
        label=gettext_lazy("Slurm account"),
        help_text=gettext_lazy("The project that pays, for example “project_465000001”."),
        max_length=64,
        required=False,
        validators=[SLURM_NAME],
    )
    qos = forms.CharField(label=gettext_lazy("QOS"), max_length=64, required=False, validators=[SLURM_NAME])
    reservation = forms.ChoiceField(
        label=gettext_lazy("Reservation"),
        help_text=gettext_lazy("Jobs run only within its time, on its nodes."),
        required=False,
    )
    gpu_hours = forms.DecimalField(
        label=gettext_lazy("GPU-hours granted"),
        help_text=gettext_lazy(
            "When they are used up, no lab starts here any more. Empty: no limit of Paja’s."
        ),
        required=False,
        max_digits=10,
        decimal_places=2,
        max_value=MOST_HOURS,
        validators=[MinValueValidator(Decimal(0))],
    )
    position = forms.IntegerField(
        label=gettext_lazy("Preference"),
        help_text=gettext_lazy("1 comes first, where two would begin equally soon."),
        min_value=1,
        max_value=100,
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, *args: Any, partition: Partition, allocation: Allocation | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offered = partition.flavours.filter(is_offered=True)
        if allocation is not None:
            offered = (offered | partition.flavours.filter(allocations=allocation)).distinct()
        self.fields["flavours"].queryset = offered  # type: ignore[attr-defined]
        known = [
            (each.name, describe_reservation(each)) for each in list_reservations(partition, timezone.now())
        ]
        kept = allocation.reservation if allocation else ""
        if kept and kept not in dict(known):
            known.append((kept, _("%(name)s (the factory no longer names it)") % {"name": kept}))
        self.fields["reservation"].choices = [("", _("None")), *known]  # type: ignore[attr-defined]

    def make_plan(self) -> Plan:
        names = ("account_kind", "slurm_account", "qos", "reservation", "gpu_hours", "position")
        return Plan(
            flavours=list(self.cleaned_data["flavours"]), **{name: self.cleaned_data[name] for name in names}
        )


@login_required
@require_GET
def allocations(request: SignedInRequest, cohort_id: UUID) -> HttpResponse:
    cohort = taught_cohort_for(request.user, cohort_id)
    uses = list_allocations(cohort)
    can_change = provided_cohorts_for(request.user).filter(pk=cohort.pk).exists()
    used = {use.allocation.partition_id for use in uses}
    partitions = list(providable_partitions_for(request.user)) if can_change else []
    context = {
        "cohort": cohort,
        "uses": uses,
        "changeable": {partition.pk for partition in partitions},
        "addable": [each for each in partitions if each.is_offered and each.pk not in used],
        "can_change": can_change,
        "shortfalls": find_shortfalls(cohort, [use.allocation for use in uses], timezone.now()),
        "account_hubs": account_hubs_of(cohort),
        "changes": [describe_change(change) for change in list_changes(cohort)],
        "section": "teaching",
    }
    return render(request, "labs/allocations.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def allocation(
    request: SignedInRequest, cohort_id: UUID, factory_slug: str, partition_name: str
) -> HttpResponse:
    """Plan or change what a cohort may use of one partition."""
    cohort = provided_cohort_for(request.user, cohort_id)
    partition = providable_partition_for(request.user, factory_slug, partition_name)
    found = find_allocation(cohort, partition)
    if request.method != "POST":
        form = AllocationForm(initial=_find_initial(cohort, found), partition=partition, allocation=found)
        return _show(request, cohort, partition, found, form)
    form = AllocationForm(request.POST, partition=partition, allocation=found)
    shortfall = None
    if form.is_valid():
        plan = form.make_plan()
        shortfall = find_plan_shortfall(cohort, partition, plan)
        if shortfall is None or request.POST.get("is_planned_anyway"):
            if _save(request, cohort, partition, plan, form, shortfall):
                return redirect("labs:allocations", cohort_id)
            found = find_allocation(cohort, partition)
            form = AllocationForm(initial=_find_initial(cohort, found), partition=partition, allocation=found)
    return _show(
        request, cohort, partition, found, form, shortfall=shortfall, status=HTTPStatus.UNPROCESSABLE_ENTITY
    )


@press_requires_login
def allocation_remove(
    request: SignedInRequest, cohort_id: UUID, factory_slug: str, partition_name: str
) -> HttpResponse:
    cohort = provided_cohort_for(request.user, cohort_id)
    partition = providable_partition_for(request.user, factory_slug, partition_name)
    if remove_allocation(cohort, partition, actor=request.user):
        messages.success(
            request, _("The cohort may not use this partition any more. Sessions that run go on.")
        )
    else:
        messages.info(request, _("The cohort could not use this partition any more already."))
    return redirect("labs:allocations", cohort_id)


def _save(
    request: SignedInRequest,
    cohort: Cohort,
    partition: Partition,
    plan: Plan,
    form: AllocationForm,
    shortfall: Shortfall | None,
) -> bool:
    """False, with a message, where somebody else was faster."""
    try:
        save_allocation(
            cohort,
            partition,
            plan,
            seen=form.cleaned_data["seen"],
            actor=request.user,
            lacking_count=shortfall.count if shortfall else 0,
        )
    except RefusedError as refusal:
        messages.warning(request, sentence_for(refusal.reason))
        return False
    messages.success(
        request, _("What the cohort may use is saved. It counts from the next start of a lab on.")
    )
    return True


def _show(
    request: SignedInRequest,
    cohort: Cohort,
    partition: Partition,
    found: Allocation | None,
    form: AllocationForm,
    *,
    shortfall: Shortfall | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "cohort": cohort,
        "partition": partition,
        "allocation": found,
        "form": form,
        "shortfall": shortfall,
        "section": "teaching",
    }
    return render(request, "labs/allocation_form.html", context, status=status)


def _find_initial(cohort: Cohort, found: Allocation | None) -> dict[str, object]:
    initial: dict[str, object] = {"seen": make_version(found)}
    if found is None:
        return {**initial, "account_kind": AccountKind.OWN, "position": find_next_position(cohort)}
    names = ("account_kind", "slurm_account", "qos", "reservation", "gpu_hours", "position")
    return {
        **initial,
        "flavours": list(found.flavours.values_list("pk", flat=True)),
        **{name: getattr(found, name) for name in names},
    }
