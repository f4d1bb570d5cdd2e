"""The JSON of courses, cohorts and enrolments. Objects are named by slug or `public_id`."""

from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from courses.models import Cohort, CourseRelease, CourseText, Enrolment, Module, Unit, UnitProgress
from courses.texts import pick_text


class CourseSerializer(serializers.ModelSerializer[CourseRelease]):
    """The newest release of a course; `language` is that of title and summary."""

    slug = serializers.SlugField(source="course.slug", read_only=True)
    release = serializers.IntegerField(source="number", read_only=True)
    language = serializers.SerializerMethodField()
    title = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField()
    languages = serializers.ListField(child=serializers.CharField(), read_only=True)
    skills = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = CourseRelease
        fields: tuple[str, ...] = (
            "slug",
            "release",
            "language",
            "title",
            "summary",
            "languages",
            "hours",
            "level",
            "skills",
        )
        read_only_fields = fields

    def get_language(self, release: CourseRelease) -> str:
        return _text_of(release).language

    def get_title(self, release: CourseRelease) -> str:
        return _text_of(release).title

    def get_summary(self, release: CourseRelease) -> str:
        return _text_of(release).summary


class UnitSerializer(serializers.ModelSerializer[Unit]):
    title = serializers.SerializerMethodField()

    class Meta:
        model = Unit
        fields = ("slug", "kind", "title", "minutes", "is_optional")
        read_only_fields = fields

    def get_title(self, unit: Unit) -> str:
        source_language: str = self.context["source_language"]
        return pick_text(unit.texts.all(), get_language() or "", source_language).title


class ModuleSerializer(serializers.ModelSerializer[Module]):
    title = serializers.SerializerMethodField()
    units = UnitSerializer(many=True, read_only=True)

    class Meta:
        model = Module
        fields = ("slug", "title", "units")
        read_only_fields = fields

    def get_title(self, module: Module) -> str:
        source_language: str = self.context["source_language"]
        return pick_text(module.texts.all(), get_language() or "", source_language).title


class CourseDetailSerializer(CourseSerializer):
    modules = serializers.SerializerMethodField()

    class Meta(CourseSerializer.Meta):
        fields = (*CourseSerializer.Meta.fields, "modules")
        read_only_fields = fields

    @extend_schema_field(ModuleSerializer(many=True))
    def get_modules(self, release: CourseRelease) -> Any:
        context = {**self.context, "source_language": release.source_language}
        return ModuleSerializer(release.modules.all(), many=True, context=context).data


class CohortSerializer(serializers.ModelSerializer[Cohort]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    course = serializers.SlugField(source="release.course.slug", read_only=True)
    factory = serializers.SlugField(source="factory.slug", read_only=True)

    class Meta:
        model = Cohort
        fields = (
            "id",
            "course",
            "factory",
            "name",
            "language",
            "policy",
            "capacity",
            "starts_at",
            "ends_at",
        )
        read_only_fields = fields


class ProgressSerializer(serializers.ModelSerializer[UnitProgress]):
    unit = serializers.SlugField(source="unit_slug", read_only=True)

    class Meta:
        model = UnitProgress
        fields = ("unit", "opened_at", "completed_at", "score", "max_score")
        read_only_fields = fields


class EnrolmentSerializer(serializers.ModelSerializer[Enrolment]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    cohort = serializers.UUIDField(source="cohort.public_id", read_only=True)
    course = serializers.SlugField(source="cohort.release.course.slug", read_only=True)
    progress = ProgressSerializer(many=True, read_only=True)

    class Meta:
        model = Enrolment
        fields = ("id", "cohort", "course", "status", "created_at", "changed_at", "progress")
        read_only_fields = fields


class EnrolmentRequestSerializer(serializers.Serializer[dict[str, Any]]):
    """Which cohort a learner wants to join."""

    cohort = serializers.UUIDField()


class EnrolmentRefusalSerializer(serializers.Serializer[dict[str, Any]]):
    """Why a cohort does not take a learner in: a slug for programs, a sentence for people."""

    reason = serializers.CharField()
    detail = serializers.CharField()


def _text_of(release: CourseRelease) -> CourseText:
    return pick_text(release.texts.all(), get_language() or "", release.source_language)
