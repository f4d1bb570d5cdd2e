"""Hubs can be edited; what has a life of its own can only be looked at, because `transitions.py` alone moves it."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from labs.models import GradingRun, Hub, LabRelease, LabSession, Submission


@admin.register(Hub)
class HubAdmin(admin.ModelAdmin[Hub]):
    list_display = ("factory", "public_url", "answered_at", "is_development")
    readonly_fields = ("answered_at",)


class LookOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that nobody adds, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(LabRelease)
class LabReleaseAdmin(LookOnlyAdmin):
    list_display = ("lab", "number", "created_at")
    list_select_related = ("lab__course",)


@admin.register(LabSession)
class LabSessionAdmin(LookOnlyAdmin):
    list_display = ("server_name", "learner", "lab", "hub", "status", "reason", "requested_at", "ended_at")
    list_filter = ("status", "hub__factory")
    list_select_related = ("learner", "lab__course", "hub__factory")
    search_fields = ("server_name", "learner__email")


@admin.register(Submission)
class SubmissionAdmin(LookOnlyAdmin):
    list_display = ("lab", "enrolment", "attempt", "status", "reason", "pressed_at")
    list_filter = ("status",)
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
