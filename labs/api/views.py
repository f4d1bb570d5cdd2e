"""Sessions and submissions over HTTP: the same services and the same rules of access as the pages."""

from uuid import UUID, uuid4

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, UUIDField
from rest_framework.viewsets import GenericViewSet

from courses.access import taught_cohorts_for
from courses.models import Enrolment, User
from labs.access import lab_for, own_sessions_for, submissions_for
from labs.api.serializers import (
    LabRequestSerializer,
    RefusalSerializer,
    SessionSerializer,
    SubmissionDetailSerializer,
    SubmissionSerializer,
    SubmitRequestSerializer,
)
from labs.exceptions import RefusedError
from labs.models import GradingRun, LabSession, Submission
from labs.reasons import sentence_for
from labs.services.sessions import request_session, request_stop
from labs.services.submissions import submit_lab

RUNS = GradingRun.objects.order_by("-queued_at", "-pk")


class SessionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[LabSession]):
    """A person's own lab sessions."""

    serializer_class = SessionSerializer
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = LabSession.objects.none()

    def get_queryset(self) -> QuerySet[LabSession]:
        return (
            own_sessions_for(_person(self.request)) if self.request.user.is_authenticated else self.queryset
        )

    @extend_schema(request=LabRequestSerializer, responses={202: SessionSerializer, 409: RefusalSerializer})
    def create(self, request: Request) -> Response:
        """Start a lab. Asking again while a session is active answers with that session."""
        asked = LabRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        person = _person(request)
        enrolment, lab_unit = lab_for(person, asked.validated_data["cohort"], asked.validated_data["unit"])
        try:
            session = request_session(enrolment, lab_unit, actor=person)
        except RefusedError as refusal:
            return refuse(refusal)
        return Response(self.get_serializer(session).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: SessionSerializer})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, **_kwargs: UUID) -> Response:
        """Save the work and end the session. Stopping again changes nothing."""
        session = self.get_object()
        request_stop(session, actor=_person(request))
        return Response(self.get_serializer(session).data, status=status.HTTP_202_ACCEPTED)


class SubmissionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Submission]):
    """A person's own submissions, and those of the cohorts they teach or are staff for; no checks."""

    serializer_class = SubmissionSerializer
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Submission.objects.none()

    def get_queryset(self) -> QuerySet[Submission]:
        if not self.request.user.is_authenticated:
            return self.queryset
        person = _person(self.request)
        runs = RUNS.prefetch_related("cells") if self.action == "retrieve" else RUNS
        attempts = submissions_for(person).filter(purpose=Submission.Purpose.ATTEMPT)
        visible = attempts.defer("files").order_by("-pressed_at")
        cohort = self.request.query_params.get("cohort")
        if cohort is not None and self.action == "list":
            visible = visible.filter(enrolment__cohort__public_id=_visible_cohort(person, cohort))
        return visible.prefetch_related(Prefetch("runs", queryset=runs))

    def get_serializer_class(self) -> type[BaseSerializer[Submission]]:
        return SubmissionDetailSerializer if self.action == "retrieve" else SubmissionSerializer

    @extend_schema(parameters=[OpenApiParameter("cohort", UUID, description="Only those of this cohort.")])
    def list(self, request: Request) -> Response:
        """Newest first."""
        return super().list(request)

    @extend_schema(
        request=SubmitRequestSerializer, responses={202: SubmissionSerializer, 409: RefusalSerializer}
    )
    def create(self, request: Request) -> Response:
        """Submit a lab. The same key again, or a press while one is being collected, answers with the first."""
        asked = SubmitRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        key = asked.validated_data.pop("press_key", None) or uuid4()
        person = _person(request)
        enrolment, lab_unit = lab_for(person, asked.validated_data["cohort"], asked.validated_data["unit"])
        try:
            submission = submit_lab(enrolment, lab_unit, press_key=key, actor=person)
        except RefusedError as refusal:
            return refuse(refusal)
        return Response(self.get_serializer(submission).data, status=status.HTTP_202_ACCEPTED)


def refuse(refusal: RefusedError) -> Response:
    content = {"reason": refusal.reason, "detail": sentence_for(refusal.reason)}
    return Response(content, status=status.HTTP_409_CONFLICT)


def _person(request: Request) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _visible_cohort(person: User, asked: str) -> UUID:
    """The cohort that a list is narrowed to: one that the person learns in, teaches or is staff for, else 404."""
    cohort_id: UUID = UUIDField().run_validation(asked)
    is_own = Enrolment.objects.filter(learner=person, cohort__public_id=cohort_id).exists()
    if not is_own and not taught_cohorts_for(person).filter(public_id=cohort_id).exists():
        raise Http404
    return cohort_id
