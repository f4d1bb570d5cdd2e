"""Hubs can be edited; what has a life of its own can only be looked at, because `transitions.py` alone moves it."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from labs.models import (
    AccountLease,
    Allocation,
    AllocationChange,
    FactoryAccount,
    FactoryAccountEvent,
    Flavour,
    GradingRun,
    Hub,
    HubOutage,
    LabDraft,
    LabRelease,
    LabSession,
    LabSessionEvent,
    Partition,
    SlurmJob,
    Snapshot,
    Submission,
    Workspace,
)


@admin.register(Hub)
class HubAdmin(admin.ModelAdmin[Hub]):
    list_display = ("factory", "public_url", "answered_at", "down_since", "sessions_max", "is_development")
    readonly_fields = ("answered_at", "down_since")


class LookOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that nobody adds, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(HubOutage)
class HubOutageAdmin(LookOnlyAdmin):
    list_display = ("hub", "began_at", "ended_at", "reason")
    list_filter = ("hub__factory",)
    list_select_related = ("hub__factory",)


@admin.register(LabRelease)
class LabReleaseAdmin(LookOnlyAdmin):
    list_display = ("lab", "number", "created_at")
    list_select_related = ("lab__course",)


class LabSessionEventInline(admin.TabularInline[LabSessionEvent, LabSession]):
    model = LabSessionEvent
    extra = 0
    fields = readonly_fields = ("created_at", "before", "after", "reason", "actor")
    can_delete = False


@admin.register(LabSession)
class LabSessionAdmin(LookOnlyAdmin):
    list_display = (
        "server_name",
        "learner",
        "lab",
        "hub",
        "status",
        "reason",
        "stop_reason",
        "requested_at",
        "ended_at",
    )
    list_filter = ("status", "stop_reason", "hub__factory")
    inlines = (LabSessionEventInline,)
    list_select_related = ("learner", "lab__course", "hub__factory")
    search_fields = ("server_name", "learner__email")


@admin.register(Workspace)
class WorkspaceAdmin(LookOnlyAdmin):
    list_display = ("lab", "owner", "purpose", "unsaved_reason", "unsaved_since")
    list_filter = ("purpose", "unsaved_reason")
    list_select_related = ("lab__course", "owner")
    search_fields = ("owner__email",)


@admin.register(Snapshot)
class SnapshotAdmin(LookOnlyAdmin):
    list_display = ("workspace", "cause", "created_at", "saved_at", "byte_count")
    list_filter = ("cause",)
    list_select_related = ("workspace__lab__course",)
    search_fields = ("workspace__owner__email",)


@admin.register(LabDraft)
class LabDraftAdmin(LookOnlyAdmin):
    list_display = ("lab", "cohort", "author", "status", "reason", "requested_at", "released_at")
    list_filter = ("status",)
    list_select_related = ("lab__course", "cohort", "author")
    search_fields = ("author__email",)


@admin.register(Submission)
class SubmissionAdmin(LookOnlyAdmin):
    list_display = ("lab", "enrolment", "purpose", "attempt", "source", "status", "reason", "pressed_at")
    list_filter = ("purpose", "source", "status")
    list_select_related = ("lab__course", "enrolment__learner", "enrolment__cohort")
    search_fields = ("enrolment__learner__email",)


@admin.register(GradingRun)
class GradingRunAdmin(LookOnlyAdmin):
    list_display = (
        "submission",
        "try_number",
        "status",
        "outcome",
        "reason",
        "score",
        "max_score",
        "queued_at",
    )
    list_filter = ("status", "outcome")
    list_select_related = ("submission__lab__course",)


@admin.register(Partition)
class PartitionAdmin(LookOnlyAdmin):
    list_display = (
        "name",
        "hub",
        "is_offered",
        "is_up",
        "gpus_free",
        "gpus_total",
        "jobs_pending",
        "read_at",
    )
    list_filter = ("hub__factory", "is_offered")
    list_select_related = ("hub__factory",)


@admin.register(Flavour)
class FlavourAdmin(LookOnlyAdmin):
    list_display = ("slug", "partition", "is_offered", "gpus", "gpu_name", "cores", "memory_gb", "weight")
    list_filter = ("partition__hub__factory", "is_offered")
    list_select_related = ("partition__hub__factory",)


@admin.register(Allocation)
class AllocationAdmin(LookOnlyAdmin):
    """Changed on the cohort's page, which leaves a row for who did it and why."""

    list_display = ("cohort", "partition", "account_kind", "slurm_account", "qos", "reservation", "gpu_hours")
    list_filter = ("partition__hub__factory", "account_kind")
    list_select_related = ("cohort", "partition__hub__factory")


@admin.register(AllocationChange)
class AllocationChangeAdmin(LookOnlyAdmin):
    list_display = ("cohort", "partition", "actor", "reason", "created_at")
    list_filter = ("partition__hub__factory",)
    list_select_related = ("cohort", "partition__hub__factory", "actor")


class FactoryAccountEventInline(admin.TabularInline[FactoryAccountEvent, FactoryAccount]):
    model = FactoryAccountEvent
    extra = 0
    fields = readonly_fields = ("created_at", "before", "after", "reason", "actor")
    can_delete = False


@admin.register(FactoryAccount)
class FactoryAccountAdmin(LookOnlyAdmin):
    list_display = ("name", "hub", "kind", "user", "status", "reason", "is_offered", "expires_at")
    list_filter = ("kind", "status", "hub__factory", "is_offered")
    inlines = (FactoryAccountEventInline,)
    list_select_related = ("hub__factory", "user")
    search_fields = ("name", "user__email")


@admin.register(AccountLease)
class AccountLeaseAdmin(LookOnlyAdmin):
    list_display = ("account", "user", "is_exclusive", "began_at", "ended_at")
    list_filter = ("account__hub__factory",)
    list_select_related = ("account__hub__factory", "user")
    search_fields = ("account__name", "user__email")


@admin.register(SlurmJob)
class SlurmJobAdmin(LookOnlyAdmin):
    list_display = (
        "job_id",
        "server_name",
        "hub",
        "partition_name",
        "state",
        "reason",
        "submitted_at",
        "ended_at",
    )
    list_filter = ("hub__factory", "partition_name", "state")
    list_select_related = ("hub__factory",)
    search_fields = ("job_id", "server_name")
