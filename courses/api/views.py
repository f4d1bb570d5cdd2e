"""Courses, cohorts and enrolments over HTTP: the same services and the same rules of access as the pages."""

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from courses import access
from courses.api.serializers import (
    CohortSerializer,
    CourseDetailSerializer,
    CourseSerializer,
    EnrolmentRefusalSerializer,
    EnrolmentRequestSerializer,
    EnrolmentSerializer,
)
from courses.exceptions import RefusedError
from courses.models import Cohort, CourseRelease, Enrolment, User
from courses.reasons import sentence_for
from courses.services.enrolments import enrol


class CourseViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[CourseRelease]):
    """The catalogue, which anybody may read. Texts are in the language that the request accepts."""

    permission_classes = [AllowAny]
    lookup_field = "course__slug"
    lookup_url_kwarg = "slug"
    lookup_value_converter = "slug"
    queryset = CourseRelease.objects.none()

    def get_queryset(self) -> QuerySet[CourseRelease]:
        releases = access.listed_releases().prefetch_related("texts").order_by("course__slug")
        if self.action == "retrieve":
            return releases.prefetch_related("modules__texts", "modules__units__texts")
        return releases

    def get_serializer_class(self) -> type[BaseSerializer[CourseRelease]]:
        return CourseDetailSerializer if self.action == "retrieve" else CourseSerializer


class CohortViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Cohort]):
    """Cohorts that can be joined, and those that a person learns in, teaches or is staff for."""

    serializer_class = CohortSerializer
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Cohort.objects.none()

    def get_queryset(self) -> QuerySet[Cohort]:
        if not self.request.user.is_authenticated:
            return self.queryset
        cohorts = access.visible_cohorts_for(self.request.user, timezone.now())
        return cohorts.select_related("release__course", "factory").order_by("starts_at", "pk")


class EnrolmentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Enrolment]):
    """A person's own enrolments, with what they have done in each."""

    serializer_class = EnrolmentSerializer
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Enrolment.objects.none()

    def get_queryset(self) -> QuerySet[Enrolment]:
        if not self.request.user.is_authenticated:
            return self.queryset
        own = Enrolment.objects.filter(learner=self.request.user)
        return (
            own.select_related("cohort__release__course").prefetch_related("progress").order_by("-created_at")
        )

    @extend_schema(
        request=EnrolmentRequestSerializer,
        responses={200: EnrolmentSerializer, 409: EnrolmentRefusalSerializer},
    )
    def create(self, request: Request) -> Response:
        """Join a cohort. Joining again answers with the enrolment there is."""
        person = _person(request)
        asked = EnrolmentRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        cohort = access.joinable_cohort(asked.validated_data["cohort"])
        try:
            enrolment = enrol(cohort, person, actor=person)
        except RefusedError as refusal:
            content = {"reason": refusal.reason, "detail": sentence_for(refusal.reason)}
            return Response(content, status=status.HTTP_409_CONFLICT)
        return Response(self.get_serializer(enrolment).data)


def _person(request: Request) -> User:
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
