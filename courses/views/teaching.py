"""Pages of those who teach and of a factory's staff: their cohorts, one cohort, one factory."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses import access, unit_kinds
from courses.gradebook import enrolments_of, make_rows, write_csv
from courses.models import Cohort
from courses.outline import Outline, load_outlines, make_outline
from courses.states import EnrolmentStatus
from courses.views.learning import addresses_in
from courses.views.requests import SignedInRequest

LEARNERS_PER_PAGE = 100


@login_required
@require_GET
def teaching(request: SignedInRequest) -> HttpResponse:
    """The cohorts that a person teaches, or is staff for, and the courses they may preview."""
    context = {
        "cohorts": _with_counts(access.taught_cohorts_for(request.user)),
        "now": timezone.now(),
        "section": "teaching",
    }
    return render(request, "courses/teaching.html", context)


@login_required
@require_GET
def cohort(request: SignedInRequest, cohort: UUID) -> HttpResponse:
    """Learners by units, and what the kinds of unit have to say about the cohort."""
    found = access.taught_cohort_for(request.user, cohort)
    outline = _outline_of(found)
    enrolments = enrolments_of(found)
    page = Paginator(enrolments, LEARNERS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "cohort": found,
        "outline": outline,
        "page": page,
        "rows": make_rows(list(page), outline),
        "figures": _count_statuses(found),
        "panels": [
            panel for kind in unit_kinds.registered_kinds().values() for panel in kind.cohort_panels(found)
        ],
        "section": "teaching",
    }
    return render(request, "courses/cohort.html", context)


@login_required
@require_GET
def cohort_csv(request: SignedInRequest, cohort: UUID) -> StreamingHttpResponse:
    found = access.taught_cohort_for(request.user, cohort)
    outline = _outline_of(found)
    rows = make_rows(list(enrolments_of(found)), outline)
    response = StreamingHttpResponse(write_csv(rows, outline), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.release.course.slug}-learners.csv"'
    return response


@login_required
@require_GET
def factory(request: SignedInRequest, factory: str) -> HttpResponse:
    """A factory's cohorts with their counts, for its staff."""
    found = access.factory_for(request.user, factory)
    context = {
        "factory": found,
        "cohorts": _with_counts(found.cohorts.all()),
        "panels": [
            panel for kind in unit_kinds.registered_kinds().values() for panel in kind.factory_panels(found)
        ],
        "now": timezone.now(),
        "section": "factory",
    }
    return render(request, "courses/factory.html", context)


def _with_counts(cohorts: QuerySet[Cohort]) -> QuerySet[Cohort]:
    """Cohorts, those that end last first, with the number of their learners by status."""
    counts = {
        f"{status}_count": Count("enrolments", filter=Q(enrolments__status=status), distinct=True)
        for status in (EnrolmentStatus.ACTIVE, EnrolmentStatus.COMPLETED, EnrolmentStatus.WAITLISTED)
    }
    return (
        cohorts.annotate(**counts)
        .select_related("release__course", "factory")
        .prefetch_related("release__texts")
        .order_by("-ends_at", "name")
    )


def _count_statuses(cohort: Cohort) -> dict[str, int]:
    rows = cohort.enrolments.values_list("status").annotate(count=Count("pk")).order_by()
    return dict(rows)


def _outline_of(cohort: Cohort) -> Outline:
    load_outlines([cohort.release])
    return make_outline(cohort.release, get_language() or "", addresses_in(cohort))
