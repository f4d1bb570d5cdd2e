"""The JSON of sessions and submissions. Objects are named by their `public_id`, labs and units by slug."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from labs.models import CellGrade, GradingRun, LabSession, Submission
from labs.reasons import sentence_for
from labs.services.attempts import find_standing
from labs.states import SessionStatus


class LabRequestSerializer(serializers.Serializer[dict[str, Any]]):
    """Which lab a learner means: a cohort they are enrolled in and the slug of its unit."""

    cohort = serializers.UUIDField()
    unit = serializers.SlugField()


class SubmitRequestSerializer(LabRequestSerializer):
    press_key = serializers.UUIDField(
        required=False,
        help_text="One key is one submission however often it is sent; made up where left out.",
    )


class RefusalSerializer(serializers.Serializer[dict[str, Any]]):
    """Why something cannot be had now: a slug for programs, a sentence for people."""

    reason = serializers.CharField()
    detail = serializers.CharField()


class SessionSerializer(serializers.ModelSerializer[LabSession]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    cohort = serializers.UUIDField(source="enrolment.cohort.public_id", read_only=True)
    lab = serializers.SlugField(source="lab.slug", read_only=True)
    factory = serializers.SlugField(source="hub.factory.slug", read_only=True)
    detail = serializers.SerializerMethodField(help_text="The reason as a sentence.")
    open_url = serializers.SerializerMethodField(help_text="For a browser; null until the session is ready.")

    class Meta:
        model = LabSession
        fields = (
            "id",
            "cohort",
            "lab",
            "factory",
            "status",
            "reason",
            "detail",
            "open_url",
            "requested_at",
            "ready_at",
            "ended_at",
            "work_saved_at",
        )
        read_only_fields = fields

    def get_detail(self, session: LabSession) -> str:
        return sentence_for(session.reason) if session.reason else ""

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_open_url(self, session: LabSession) -> str | None:
        if session.status != SessionStatus.READY:
            return None
        return reverse("labs:session-open", args=[session.public_id], request=self.context.get("request"))


class CellGradeSerializer(serializers.ModelSerializer[CellGrade]):
    score = serializers.FloatField(allow_null=True, read_only=True)

    class Meta:
        model = CellGrade
        fields = (
            "notebook",
            "grade_id",
            "kind",
            "score",
            "max_score",
            "auto_score",
            "manual_score",
            "extra_credit",
            "needs_manual_grade",
            "was_run",
            "message",
            "comment",
        )
        read_only_fields = fields


class GradingRunSerializer(serializers.ModelSerializer[GradingRun]):
    """The run that stands for a submission: the newest that has finished, before there is one the newest."""

    detail = serializers.SerializerMethodField(help_text="The reason as a sentence.")

    class Meta:
        model = GradingRun
        fields = (
            "status",
            "outcome",
            "reason",
            "detail",
            "score",
            "max_score",
            "late_penalty",
            "needs_manual_grade",
            "queued_at",
            "finished_at",
        )
        read_only_fields = fields

    def get_detail(self, run: GradingRun) -> str:
        return sentence_for(run.reason) if run.reason else ""


class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    cohort = serializers.UUIDField(source="enrolment.cohort.public_id", read_only=True)
    learner = serializers.UUIDField(source="enrolment.learner.public_id", read_only=True)
    lab = serializers.SlugField(source="lab.slug", read_only=True)
    detail = serializers.SerializerMethodField(help_text="The reason as a sentence.")
    grading = serializers.SerializerMethodField(
        help_text="The grading run that stands; null before the first."
    )

    class Meta:
        model = Submission
        fields: tuple[str, ...] = (
            "id",
            "cohort",
            "learner",
            "lab",
            "attempt",
            "status",
            "reason",
            "detail",
            "source",
            "pressed_at",
            "saved_at",
            "collected_at",
            "grading",
        )
        read_only_fields = fields

    def get_detail(self, submission: Submission) -> str:
        return sentence_for(submission.reason) if submission.reason else ""

    @extend_schema_field(GradingRunSerializer(allow_null=True))
    def get_grading(self, submission: Submission) -> dict[str, Any] | None:
        run = standing_run(submission)
        return dict(GradingRunSerializer(run).data) if run else None


class SubmissionDetailSerializer(SubmissionSerializer):
    """A submission with the points of its grade cells in the run that stands."""

    cells = serializers.SerializerMethodField()

    class Meta(SubmissionSerializer.Meta):
        fields = (*SubmissionSerializer.Meta.fields, "cells")
        read_only_fields = fields

    @extend_schema_field(CellGradeSerializer(many=True))
    def get_cells(self, submission: Submission) -> list[dict[str, Any]]:
        run = standing_run(submission)
        return list(CellGradeSerializer(run.cells.all(), many=True).data) if run else []


def standing_run(submission: Submission) -> GradingRun | None:
    """The one that stands, from the runs that the view has loaded, newest first."""
    return find_standing(submission.runs.all())
