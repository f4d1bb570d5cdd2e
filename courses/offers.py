"""The cohorts that a course page offers, and what each of them means to the person who looks."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from courses import access
from courses.models import Cohort, Course, Enrolment
from courses.reasons import sentence_for
from courses.services.enrolments import find_refusal
from courses.states import READING_STATUSES, EnrolmentStatus


@dataclass(frozen=True)
class Offer:
    """A cohort; the reader's own enrolment in it, if any; places that are left (None: no limit); why not."""

    cohort: Cohort
    enrolment: Enrolment | None
    places_left: int | None
    refusal: str

    @property
    def is_full(self) -> bool:
        return self.places_left == 0

    @property
    def is_readable(self) -> bool:
        return self.enrolment is not None and self.enrolment.status in READING_STATUSES

    @property
    def is_waitlisted(self) -> bool:
        return self.enrolment is not None and self.enrolment.status == EnrolmentStatus.WAITLISTED


def make_offers(user: access.Person, course: Course, now: datetime) -> list[Offer]:
    """The cohorts of a course that are not over, in two queries."""
    taken = Count("enrolments", filter=Q(enrolments__status__in=READING_STATUSES))
    cohorts = access.joinable_cohorts(now).filter(release__course=course).annotate(taken=taken)
    own = {}
    if user.is_authenticated:
        enrolments = access.enrolments_for(user).filter(cohort__release__course=course)
        own = {enrolment.cohort_id: enrolment for enrolment in enrolments}
    return [_make_offer(cohort, own.get(cohort.pk), now) for cohort in cohorts.select_related("factory")]


def _make_offer(cohort: Cohort, enrolment: Enrolment | None, now: datetime) -> Offer:
    reason = find_refusal(cohort, now)
    taken: int = getattr(cohort, "taken")  # noqa: B009 - the annotation of make_offers
    return Offer(
        cohort=cohort,
        enrolment=enrolment,
        places_left=None if cohort.capacity is None else max(0, cohort.capacity - taken),
        refusal=sentence_for(reason) if reason else "",
    )
