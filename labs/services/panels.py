"""Where a learner stands in a lab, and the one thing to do next: what the lab's page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal
from uuid import UUID

from courses.models import Cohort
from labs.models import Hub, LabSession, LabUnit, Workspace
from labs.reasons import sentence_for
from labs.services.attempts import Attempt
from labs.services.checks import CheckResult, find_check_result
from labs.services.endings import Ending, find_ending
from labs.services.grading_queue import QueuePlace
from labs.services.page_versions import make_version
from labs.services.queue_places import SlurmPlace
from labs.services.running import RunningSession
from labs.services.session_times import READY_SECONDS, SessionTimes
from labs.services.start_places import StartPlaces
from labs.services.troubles import Trouble, find_trouble, find_unsaved
from labs.services.visible_tests import has_visible_tests
from labs.services.workspaces import Offer
from labs.states import SessionStatus, SubmissionStatus
from labs.work.attempt_limits import AttemptLimits, apply_rules
from labs.work.choices import find_wait

Action = Literal["start", "start_again", "follow", "open", "wait", "submitted", "result"]


@dataclass(frozen=True)
class LabPanel:
    """A lab for one enrolment; `session` is the newest one, which may have ended.

    `crowd`: the learner's sessions in other labs, where they are so many that the factory starts no more of theirs.
    `place`: where their work stands in the grading queue; `slurm_place`: where a start waits in a partition's.
    `starts`: where a start would lead; `hub` is there.
    """

    lab_unit: LabUnit
    cohort: Cohort
    hub: Hub | None
    session: LabSession | None
    workspace: Workspace | None
    attempts: tuple[Attempt, ...]
    checks: tuple[Attempt, ...]
    snapshot_saved_at: datetime | None
    offer: Offer | None
    crowd: tuple[RunningSession, ...]
    place: QueuePlace | None
    slurm_place: SlurmPlace | None
    starts: StartPlaces
    press_key: UUID
    check_key: UUID
    now: datetime

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
        if self.numbered and (self.numbered[0].is_graded or self.numbered[0].is_handed_in):
            return "result"
        return "start_again" if self.has_work else "start"

    @property
    def can_start(self) -> bool:
        """Whether the one next step is a start."""
        return self.action in {"start", "start_again"} and not self.crowd and not self.starts.is_blocked

    @property
    def can_start_again(self) -> bool:
        """Whether a start is possible beside the next step."""
        return self.action in {"submitted", "result"} and not self.crowd and not self.starts.is_blocked

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
        """Whether there is something to hand in: a running server, or saved work that was not handed in."""
        if self.is_submitting or self.active:
            return self.action == "open" and not self.is_submitting
        return self.has_new_work

    @property
    def has_new_work(self) -> bool:
        """Whether the saved work is newer than the last attempt, or that one was not graded, or not as is due now."""
        if self.snapshot_saved_at is None:
            return False
        if not self.numbered or self.numbered[0].has_failed:
            return True
        if self.numbered[0].release_id != self.lab_unit.release_id:
            return True
        newest = self.numbered[0].submission
        return newest.saved_at is None or newest.saved_at < self.snapshot_saved_at

    @property
    def can_check(self) -> bool:
        """Whether there is something to check, and no check at work; one that waits can be replaced by newer work."""
        is_at_work = self.checking is not None and not self.checking.is_waiting
        if is_at_work or not has_visible_tests(self.lab_unit.release):
            return False
        return self.action == "open" if self.active else self.has_new_work

    @cached_property
    def checking(self) -> Attempt | None:
        """The check that is being collected or run."""
        return next((check for check in self.checks if check.is_moving), None)

    @property
    def new_checks(self) -> tuple[Attempt, ...]:
        """All checks, while the newest is newer than the last attempt: afterwards they say nothing new."""
        if self.checks and self.numbered:
            is_new = self.checks[0].submission.pressed_at > self.numbered[0].submission.pressed_at
            return self.checks if is_new else ()
        return self.checks

    @cached_property
    def check_result(self) -> CheckResult | None:
        """What the newest check came to; None while there is another one on its way."""
        return None if self.checking else find_check_result(self.new_checks)

    @property
    def check_remark(self) -> str:
        """Why the last press of Check my work came to nothing; empty where it came to something."""
        last = self.new_checks[0] if self.new_checks else None
        if last is None or not last.has_failed:
            return ""
        return sentence_for(last.run.reason if last.run else last.submission.reason)

    @cached_property
    def limits(self) -> AttemptLimits:
        """How many attempts are left, and from when on the next one is possible."""
        counted = [attempt.submission.pressed_at for attempt in self.numbered if attempt.counts]
        return apply_rules(self.lab_unit.release.grading, counted)

    @property
    def refusal(self) -> str:
        """Why no attempt is possible now: `no_attempts_left`, `too_soon`; else empty."""
        return self.limits.find_refusal(self.now)

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
    def waiting(self) -> Attempt | None:
        """The attempt, else the check, that stands in the queue."""
        return find_waiting([*self.attempts, *self.checks])

    @property
    def is_queued(self) -> bool:
        """Whether an attempt stands in the queue, whose place newer work would take."""
        return self.waiting is not None and not self.waiting.is_check

    @property
    def ending(self) -> Ending | None:
        """How the newest session ended; None where it did not, or by the learner's own press."""
        ending = find_ending(self.session)
        return ending if ending and ending.sentence else None

    @property
    def new_wait(self) -> int | None:
        """How many seconds a restart would wait for Slurm again."""
        active = self.active
        return find_wait(active.flavour, active.hub, self.now) if active and active.flavour else None

    @property
    def times(self) -> SessionTimes | None:
        return SessionTimes(self.active, self.now) if self.active else None

    @cached_property
    def trouble(self) -> Trouble | None:
        """What keeps the lab waiting."""
        hub = self.active.hub if self.active else self.hub
        return find_trouble(hub, self.active, self.now) if hub else None

    @cached_property
    def unsaved(self) -> Trouble | None:
        return find_unsaved(self.workspace)

    @property
    def remark(self) -> str:
        """Why the last press of Submit has come to no mark; empty where it has, or still goes its way."""
        last = self.attempts[0] if self.attempts else None
        if last is None or last.is_graded or last.is_handed_in:
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
        return is_starting_or_stopping or self.moving is not None or self.checking is not None

    @property
    def is_at_rest(self) -> bool:
        is_pausing = self.can_submit and self.refusal == "too_soon"
        return self.active is None and not self.is_in_a_hurry and not self.crowd and not is_pausing

    @property
    def poll_seconds(self) -> int:
        if self.place:
            return self.place.poll_seconds
        if self.moving or self.checking:
            return 1
        if self.slurm_place and self.slurm_place.poll_seconds:
            return self.slurm_place.poll_seconds
        return self.times.poll_seconds if self.times else READY_SECONDS

    @property
    def version(self) -> str:
        """Changes when what the panel shows does."""
        times = self.times
        return make_version(
            self.session and (self.session.pk, self.session.status, self.session.is_restarting),
            *((attempt.submission.pk, attempt.words, attempt.mark) for attempt in self.attempts),
            self.checking and (self.checking.submission.pk, self.checking.words),
            self.check_result and self.check_result.check.submission.pk,
            self.check_remark,
            self.refusal,
            self.trouble,
            self.unsaved,
            self.remark,
            self.offer,
            [item.key for item in self.crowd],
            times and times.warning,
            self.slurm_place and self.slurm_place.version,
            self.starts.version,
            saved_at=self.saved_at,
            quiet=(
                self.poll_seconds,
                self.place and self.place.version,
                self.slurm_place and self.slurm_place.quiet_version,
                times and (times.minutes_left, times.idle_minutes_left),
            ),
        )


def find_waiting(presses: Sequence[Attempt]) -> Attempt | None:
    """The attempt, else the check, that stands in the queue."""
    waiting = [press for press in presses if press.is_waiting]
    return min(waiting, key=lambda press: press.is_check, default=None)
