"""What an administrator changes by hand. States, scores and releases are only looked at: services write them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.authtoken.models import TokenProxy

from courses.models import (
    Cohort,
    CohortTeamMember,
    Course,
    CourseRelease,
    Enrolment,
    EnrolmentEvent,
    Factory,
    FactoryMembership,
    User,
)

admin.site.site_header = admin.site.site_title = _("Administration of Paja")
admin.site.unregister(TokenProxy)  # a person's API token is shown to them alone, once


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows to look at."""

    def has_add_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False


class UserCreationForm(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email", "full_name")


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    """Accounts by e-mail address."""

    add_form = UserCreationForm
    ordering = ("email",)
    list_display = ("email", "full_name", "language", "is_active", "is_superuser")
    list_filter = ("is_active", "is_superuser", "language")
    search_fields = ("email", "full_name", "hub_name")
    readonly_fields = ("hub_name", "public_id", "last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (_("Person"), {"fields": ("full_name", "language", "time_zone", "organisation", "country")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Of Paja"), {"fields": ("hub_name", "public_id", "last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "full_name", "usable_password", "password1", "password2")}),)


class FactoryMembershipInline(admin.TabularInline[FactoryMembership, Factory]):
    model = FactoryMembership
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Factory)
class FactoryAdmin(admin.ModelAdmin[Factory]):
    list_display = ("name", "slug", "machine", "city", "country")
    inlines = (FactoryMembershipInline,)


@admin.register(Course)
class CourseAdmin(admin.ModelAdmin[Course]):
    list_display = ("slug", "is_listed")
    readonly_fields = ("slug",)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False  # a course comes from a package


@admin.register(CourseRelease)
class CourseReleaseAdmin(ReadOnlyAdmin):
    list_display = ("course", "number", "level", "hours", "created_at", "created_by")
    list_select_related = ("course", "created_by")
    list_filter = ("course",)


class CohortTeamInline(admin.TabularInline[CohortTeamMember, Cohort]):
    model = CohortTeamMember
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Cohort)
class CohortAdmin(admin.ModelAdmin[Cohort]):
    list_display = ("name", "factory", "release", "policy", "starts_at", "ends_at")
    list_select_related = ("factory", "release__course")
    list_filter = ("factory",)
    inlines = (CohortTeamInline,)


class EnrolmentEventInline(admin.TabularInline[EnrolmentEvent, Enrolment]):
    model = EnrolmentEvent
    fields = ("created_at", "before", "after", "reason", "actor")
    readonly_fields = fields
    can_delete = False
    extra = 0


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnlyAdmin):
    list_display = ("learner", "cohort", "status", "created_at")
    list_select_related = ("learner", "cohort")
    list_filter = ("status", "cohort")
    search_fields = ("learner__email", "learner__full_name")
    inlines = (EnrolmentEventInline,)
