"""Hubs can be edited; what has a life of its own can only be looked at, because `transitions.py` alone moves it."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from labs.models import (
    GradingRun,
    Hub,
    HubOutage,
    LabDraft,
    LabRelease,
    LabSession,
    LabSessionEvent,
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
