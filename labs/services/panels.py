"""Where a learner stands in a lab, and the one thing to do next: what the lab's page shows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal
from uuid import UUID, uuid4

from django.utils import timezone

from courses.models import Cohort, Enrolment
from labs.models import Hub, Lab, LabSession, LabUnit, Workspace
from labs.models.workspaces import find_saved_work
from labs.reasons import sentence_for
from labs.services.attempts import Attempt, find_attempts
from labs.services.sessions import find_delay
from labs.states import SessionStatus, SubmissionStatus

Action = Literal["start", "start_again", "follow", "open", "wait", "submitted", "result"]


@dataclass(frozen=True)
class LabPanel:
    """A lab for one enrolment; `session` is the newest one, which may have ended."""

    lab_unit: LabUnit
    cohort: Cohort
    hub: Hub | None
    session: LabSession | None
    attempts: tuple[Attempt, ...]
    snapshot_saved_at: datetime | None
    press_key: UUID

    @property
    def active(self) -> LabSession | None:
        return self.session if self.session and self.session.is_active else None

    @property
    def action(self) -> Action:
        """The one obvious next step."""
        if self.active:
            if self.active.status == SessionStatus.READY:
                return "open"
            return "wait" if self.active.status == SessionStatus.STOPPING else "follow"
        if self.moving:
            return "submitted"
        if self.numbered and self.numbered[0].is_graded:
            return "result"
        return "start_again" if self.has_work else "start"

    @property
    def has_work(self) -> bool:
        """Whether the learner has done something in this lab before."""
        return self.snapshot_saved_at is not None or bool(self.attempts)

    @property
    def saved_at(self) -> datetime | None:
        """When the learner's work was last written, as far as is known."""
        return (self.active.work_saved_at if self.active else None) or self.snapshot_saved_at

    @property
    def can_submit(self) -> bool:
        """Whether there is something to hand in.

        A running server, saved work newer than the last attempt, or an attempt that we failed to grade.
        """
        if self.is_submitting or self.active:
            return self.action == "open" and not self.is_submitting
        if self.snapshot_saved_at is None:
            return False
        if not self.numbered or self.numbered[0].has_failed:
            return True
        collected_at = self.numbered[0].submission.saved_at
        return collected_at is None or collected_at < self.snapshot_saved_at

    @property
    def is_submitting(self) -> bool:
        return bool(self.attempts) and self.attempts[0].submission.status == SubmissionStatus.COLLECTING

    @cached_property
    def numbered(self) -> list[Attempt]:
        """The attempts that were collected, newest first."""
        return [attempt for attempt in self.attempts if attempt.submission.attempt is not None]

    @property
    def moving(self) -> Attempt | None:
        """The attempt that is being collected or graded."""
        return next((attempt for attempt in self.attempts if attempt.is_moving), None)

    @property
    def failure(self) -> str:
        """Why the newest session ended by itself; empty where it did not."""
        if self.session is None or self.session.status != SessionStatus.FAILED:
            return ""
        return sentence_for(self.session.reason)

    @property
    def delay(self) -> str:
        """What to know of a session that waits long for its factory; empty while it does not."""
        reason = find_delay(self.active) if self.active else ""
        return sentence_for(reason) if reason else ""

    @property
    def remark(self) -> str:
        """Why the last press of Submit has come to no mark; empty where it has, or still goes its way."""
        last = self.attempts[0] if self.attempts else None
        if last is None or last.is_graded:
            return ""
        if last.run is not None:
            return sentence_for(last.run.reason) if last.run.reason else ""
        return "" if last.is_moving else sentence_for(last.submission.reason)

    @property
    def is_remark_bad(self) -> bool:
        return bool(self.remark) and self.attempts[0].has_failed

    @property
    def is_in_a_hurry(self) -> bool:
        """Whether something moves that the learner waits for."""
        is_starting_or_stopping = self.active is not None and self.active.status != SessionStatus.READY
        return is_starting_or_stopping or self.moving is not None

    @property
    def is_at_rest(self) -> bool:
        return self.active is None and not self.is_in_a_hurry

    @property
    def poll_seconds(self) -> int:
        return 2 if self.is_in_a_hurry else 10

    @property
    def version(self) -> str:
        """Changes when what the panel shows does."""
        return make_version(
            self.session and (self.session.pk, self.session.status),
            *((attempt.submission.pk, attempt.words, attempt.mark) for attempt in self.attempts),
            self.delay,
            self.remark,
            saved_at=self.saved_at,
        )


def find_panel(enrolment: Enrolment, lab_unit: LabUnit) -> LabPanel:
    lab: Lab = lab_unit.release.lab
    sessions = LabSession.objects.filter(
        learner=enrolment.learner_id, lab=lab, workspace__purpose=Workspace.Purpose.LEARN
    )
    saved = find_saved_work(enrolment.learner_id, lab.pk)
    attempts = enrolment.submissions.filter(lab=lab)
    return LabPanel(
        lab_unit=lab_unit,
        cohort=enrolment.cohort,
        hub=Hub.objects.select_related("factory").filter(factory=enrolment.cohort.factory_id).first(),
        session=sessions.select_related("learner", "hub__factory").first(),
        attempts=tuple(find_attempts(attempts)),
        snapshot_saved_at=saved.saved_at if saved else None,
        press_key=uuid4(),
    )


def make_version(*parts: object, saved_at: datetime | None = None, quiet: Sequence[object] = ()) -> str:
    """A name for what a page shows: `state.details`; the details are `quiet` and the time and age of the saved work.

    A page that has this version is not sent it again; where only the details differ, nothing is announced.
    """
    minutes = int((timezone.now() - saved_at).total_seconds() // 60) if saved_at else 0
    return f"{_digest(parts)}.{_digest((saved_at, minutes, *quiet))}"


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
