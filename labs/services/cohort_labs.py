"""How the learners of a cohort do in its labs: for their team and the factory's staff."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from courses.models import Cohort, Enrolment, Factory
from courses.states import READING_STATUSES
from labs.models import CellGrade, Lab, LabSession, Submission
from labs.services.attempts import Attempt, find_attempts
from labs.services.lab_units import find_titles
from labs.states import ACTIVE_SESSION_STATUSES


@dataclass(frozen=True)
class LearnerRow:
    """A learner and their newest attempt; a press that came to nothing stands only where there is no attempt.

    `is_tampered`: cells wait for a person whose tests were passed in a way that has to be looked at.
    """

    enrolment: Enrolment
    attempt: Attempt | None
    is_tampered: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether a person has to grade cells."""
        return bool(self.attempt and self.attempt.mark and not self.attempt.mark.is_final)


@dataclass(frozen=True)
class CohortLab:
    rows: tuple[LearnerRow, ...]

    @cached_property
    def submitted_count(self) -> int:
        return sum(_is_attempt(row.attempt) for row in self.rows)

    @cached_property
    def waiting_count(self) -> int:
        return sum(row.is_waiting for row in self.rows)

    @cached_property
    def failed_count(self) -> int:
        return sum(row.attempt is not None and row.attempt.has_failed for row in self.rows)


@dataclass(frozen=True)
class Neighbours:
    """Attempts that wait for a person, seen from one submission: how many others, and those before and after it."""

    count: int
    before: Submission | None
    after: Submission | None


@dataclass(frozen=True)
class LabSummary:
    """A lab of a cohort and how many learners have submitted it."""

    slug: str
    title: str
    submitted_count: int


def find_cohort_lab(cohort: Cohort, lab: Lab) -> CohortLab:
    """One row per learner in the order of their names, in a constant number of queries."""
    newest = (
        Submission.objects.filter(enrolment=OuterRef("pk"), lab=lab, purpose=Submission.Purpose.ATTEMPT)
        .order_by(F("attempt").desc(nulls_last=True), "-pressed_at")
        .values("pk")[:1]
    )
    enrolments = list(
        cohort.enrolments.filter(status__in=READING_STATUSES)
        .select_related("learner")
        .annotate(newest_id=Subquery(newest))
        .order_by("learner__full_name", "learner__email")
    )
    wanted = [enrolment.newest_id for enrolment in enrolments if enrolment.newest_id]
    attempts = find_attempts(Submission.objects.filter(pk__in=wanted))
    by_enrolment = {attempt.submission.enrolment_id: attempt for attempt in attempts}
    tampered = _find_tampered(attempts)
    return CohortLab(
        tuple(
            LearnerRow(enrolment, by_enrolment.get(enrolment.pk), enrolment.newest_id in tampered)
            for enrolment in enrolments
        )
    )


def find_neighbours(cohort_lab: CohortLab, submission: Submission) -> Neighbours:
    """In the order of the list, round its end."""
    places = {row.enrolment.pk: place for place, row in enumerate(cohort_lab.rows)}
    here = places.get(submission.enrolment_id, -1)
    waiting = [
        (place, row.attempt.submission)
        for place, row in enumerate(cohort_lab.rows)
        if row.attempt and row.is_waiting and row.attempt.submission.pk != submission.pk
    ]
    after = [each for place, each in waiting if place > here] + [
        each for place, each in waiting if place <= here
    ]
    return Neighbours(len(after), after[-1] if len(after) > 1 else None, after[0] if after else None)


def find_lab_summaries(cohort: Cohort, language: str) -> list[LabSummary]:
    """The labs of a cohort in the order of the course, in two queries."""
    counts = dict(
        Submission.objects.filter(
            Q(enrolment__cohort=cohort),
            Q(enrolment__status__in=READING_STATUSES),
            Q(attempt__isnull=False),
        )
        .order_by()
        .values_list("lab__slug")
        .annotate(Count("enrolment", distinct=True))
    )
    titles = find_titles(cohort.release, language)
    return [LabSummary(slug, title, counts.get(slug, 0)) for slug, title in titles.items()]


def find_running_sessions(cohort: Cohort) -> list[LabSession]:
    """Sessions of a cohort that have not ended, the longest first."""
    return list(_running_sessions().filter(enrolment__cohort=cohort))


def find_factory_sessions(factory: Factory, *, most: int) -> list[LabSession]:
    """Sessions at a factory that have not ended, the longest first, `most` of them."""
    return list(_running_sessions().filter(hub__factory=factory)[:most])


def _running_sessions() -> QuerySet[LabSession]:
    """Without the long lists of their releases."""
    active = LabSession.objects.filter(status__in=ACTIVE_SESSION_STATUSES)
    return (
        active.select_related("learner", "lab", "release", "hub", "enrolment__cohort")
        .defer("release__source_files", "release__learner_files", "release__grade_cells")
        .order_by("requested_at")
    )


def _find_tampered(attempts: list[Attempt]) -> set[int]:
    """Submissions with cells whose points are not to be trusted, and that nobody has decided about."""
    runs = [attempt.run for attempt in attempts if attempt.run and attempt.run.needs_manual_grade]
    cells = CellGrade.objects.filter(
        Q(run__in=runs), Q(is_tampered=True), Q(needs_manual_grade=True), Q(manual_score__isnull=True)
    )
    return set(cells.values_list("run__submission", flat=True))


def _is_attempt(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.submission.attempt is not None
