"""Where a learner's work stands in the grading queue, and when its mark should be there."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from courses.models import Factory
from labs.models import GradingPause, GradingRun
from labs.services.grading_pauses import find_open_pause
from labs.states import GradingStatus
from labs.work.grading import LOST_AFTER
from labs.work.grading_queue import NEVER, find_served, find_waiting_runs

LATELY: Final = timedelta(minutes=5)
SAMPLE: Final = 100
AT_WORK_SINCE: Final = timedelta(seconds=30)
"""Who has ended a run within this time is at work: between two runs a worker holds none."""

CALM_SECONDS: Final = 3.0
"""Nothing is said of shorter waits: words that are gone at once only make a page restless."""

SOON_SECONDS: Final = 15.0
FEW_SECONDS: Final = 8.0
MINUTE: Final = 60
POLL_SECONDS: Final = ((SOON_SECONDS, 1), (60, 3), (300, 8), (math.inf, 15))
"""Up to so many seconds before the mark, how long a page waits until it asks again."""


@dataclass(frozen=True)
class Pace:
    """How fast runs go: workers at work, those of them that hold a run, and what a run usually takes."""

    workers: int
    busy: int
    seconds: float

    def seconds_until_mark(self, ahead: int) -> float:
        """Of one that has so many before it; of what is graded now, half is done on average."""
        return self.seconds * ((ahead + self.busy / 2) / self.workers + 1)


@dataclass(frozen=True)
class QueuePlace:
    """A run that waits: how many go before it, and when its mark should be there, None where nothing is known.

    `pause` is what staff have said where they have the lab's grading wait.
    """

    run: GradingRun
    ahead: int
    expected_at: datetime | None
    pause: GradingPause | None
    now: datetime

    @property
    def is_paused(self) -> bool:
        return self.pause is not None

    @property
    def waited_seconds(self) -> float:
        return max(0.0, (self.now - self.run.in_line_since).total_seconds())

    @property
    def seconds_left(self) -> float | None:
        return max(0.0, (self.expected_at - self.now).total_seconds()) if self.expected_at else None

    @property
    def is_worth_a_word(self) -> bool:
        """Whether the wait is, or is going to be, so long that it should be explained."""
        left = self.seconds_left or 0.0
        return self.is_paused or self.waited_seconds >= CALM_SECONDS or left >= SOON_SECONDS

    @property
    def share(self) -> int | None:
        """Of a hundred, how much of the wait is over; None where its end is not known."""
        left = self.seconds_left
        if left is None or self.is_paused:
            return None
        return round(100 * self.waited_seconds / (self.waited_seconds + left)) if left else 100

    @property
    def place_words(self) -> str:
        """Such as "4 others are before you"."""
        if not self.ahead:
            return _("Your work is next")
        words = ngettext("%(count)s other is before you", "%(count)s others are before you", self.ahead)
        return words % {"count": self.ahead}

    @property
    def expected_words(self) -> str:
        """Such as "in about 20 seconds"; empty where nothing is known. Rounded, so that it rarely changes."""
        left = self.seconds_left
        if left is None:
            return ""
        if left <= FEW_SECONDS:
            return _("in a few seconds")
        tens = -10 * int(-left // 10)
        if tens < MINUTE:
            return _("in about %(count)s seconds") % {"count": tens}
        minutes = round(left / MINUTE) or 1
        words = ngettext("in about %(count)s minute", "in about %(count)s minutes", minutes)
        return words % {"count": minutes}

    @property
    def version(self) -> tuple[object, ...]:
        """Changes when what a page says of it does; the bar alone is not worth drawing a page anew."""
        if not self.is_worth_a_word:
            return ()
        return (self.is_paused, self.place_words, self.expected_words)

    @property
    def poll_seconds(self) -> int:
        """How long a page may wait until it asks again: those who are far back ask more rarely."""
        left = self.seconds_left
        if self.is_paused:
            return 10
        if left is None:
            return 2 if self.ahead < SAMPLE else 5
        return next(pause for most, pause in POLL_SECONDS if left <= most)


def find_place(run: GradingRun, now: datetime | None = None) -> QueuePlace | None:
    """The place of a run, in a constant number of queries; None where it does not wait."""
    if run.status != GradingStatus.QUEUED:
        return None
    now = now or timezone.now()
    pause = find_open_pause(run.submission.lab)
    if pause is not None:
        return QueuePlace(run, 0, None, pause, now)
    ahead = count_ahead(run)
    pace = find_pace(run.factory, now)
    expected_at = now + timedelta(seconds=pace.seconds_until_mark(ahead)) if pace else None
    return QueuePlace(run, ahead, expected_at, None, now)


def count_ahead(run: GradingRun) -> int:
    """How many of those that wait now go before a run by the rule of the turns (`find_turns`).

    With i of its own course before it, of each other course go i, and one more of those whose turn comes earlier.
    """
    is_before = Q(in_line_since__lt=run.in_line_since) | Q(in_line_since=run.in_line_since, pk__lt=run.pk)
    waiting = find_waiting_runs(run.factory).filter(lane__lte=run.lane).order_by()
    per_course = waiting.values_list("lane", "submission__lab__course").annotate(
        count=Count("pk"), before=Count("pk", filter=is_before), since=Min("in_line_since")
    )
    rows = {(lane, course): (count, before, since) for lane, course, count, before, since in per_course}
    own = (run.lane, run.submission.lab.course_id)
    if own not in rows:
        return 0
    served = find_served(run.factory) if len(rows) > 1 else {}
    turns = {key: (served.get(key, NEVER), since) for key, (_count, _before, since) in rows.items()}
    own_before: int = rows.pop(own)[1]
    ahead = own_before
    for key, (count, _before, _since) in rows.items():
        ahead += count if key[0] < run.lane else min(count, own_before + (turns[key] < turns[own]))
    return ahead


def find_pace(factory: Factory | None, now: datetime) -> Pace | None:
    """Measured on the runs of the last minutes; None where none has ended, or nobody is at work."""
    runs = GradingRun.objects.filter(factory=factory, claimed_at__isnull=False)
    newest = runs.filter(finished_at__gt=now - LATELY).exclude(outcome="").order_by("-finished_at")
    ended = [
        (worker, claimed_at, finished_at)
        for worker, claimed_at, finished_at in newest.values_list("worker", "claimed_at", "finished_at")[
            :SAMPLE
        ]
        if claimed_at and finished_at
    ]
    running = runs.filter(status=GradingStatus.RUNNING, heartbeat_at__gt=now - LOST_AFTER)
    busy = set(running.order_by().values_list("worker", flat=True))
    workers = busy | {worker for worker, _, finished_at in ended if finished_at > now - AT_WORK_SINCE}
    if not ended or not workers:
        return None
    seconds = median((finished_at - claimed_at).total_seconds() for _, claimed_at, finished_at in ended)
    return Pace(len(workers), len(busy), seconds)
