"""Learners who press *Submit*, one each second, and look at their page. Django is set up when this is imported."""

import threading
import time
import traceback

from django.db import connection

from courses.models import Enrolment
from labs.models import GradingRun, LabUnit
from labs.states import GradingStatus
from tests.bench.example import make_class
from tests.bench.machine import Press
from tests.bench.recorded import find_phases, find_times, hand_in_all, open_course, wait_graded
from tests.factories.courses import EnrolmentFactory
from tests.live.people import save_work, sign_in
from tests.live.stack import Stack
from tests.soak.answers import Answers
from tests.soak.browser import Browser, Page

MARK = 'class="score-line"'
PATIENCE = 120.0
LOOK = 0.02
WARM_UPS = 4


class Presser(threading.Thread):
    """Somebody with the lab's page open, who presses at a time (`time.monotonic`) and waits for the mark."""

    def __init__(self, stack: Stack, enrolment: Enrolment, lab_unit: LabUnit, answers: Answers) -> None:
        super().__init__(daemon=True)
        self.press = Press()
        self.at = 0.0
        self._enrolment = enrolment
        self._browser = Browser(stack.place, answers)
        self._browser.client.cookies.set("paja_session", sign_in(enrolment.learner))
        self._page = self._open(f"/learn/{enrolment.cohort.public_id}/{lab_unit.unit.slug}/")

    def _open(self, path: str) -> Page:
        page = self._browser.open_page(path)
        if page is None:
            raise RuntimeError(f"{path} was not shown")
        return page

    def run(self) -> None:
        try:
            time.sleep(max(0.0, self.at - time.monotonic()))
            self._press()
        except Exception:
            self.press.fault = traceback.format_exc()
        finally:
            self._browser.client.close()
            connection.close()

    def _press(self) -> None:
        form = self._page.find_form("/submit", f"{self._page.path}panel") or self._page.find_form("/submit")
        assert form is not None, "the page has no button to submit"
        pressed_at = time.time()
        page = self._browser.press(form)
        assert page is not None, "the press got no page"
        while not any(MARK in text for text in page.texts):
            assert time.time() < pressed_at + PATIENCE, f"no mark after {PATIENCE:.0f} s: {page.path}"
            time.sleep(LOOK)
            page.keep_up()
        seen_at = time.time()
        self.press.seconds = seen_at - pressed_at
        run = GradingRun.objects.get(submission__enrolment=self._enrolment, status=GradingStatus.FINISHED)
        phases = find_phases(run)
        claimed_at, finished_at = find_times(run)
        phases["collected"] = claimed_at.timestamp() - phases["queued"] - pressed_at
        phases["shown"] = seen_at - finished_at.timestamp()
        self.press.phases = phases


def hand_in_each_second(stack: Stack, count: int) -> list[Press]:
    """What became of each press. A few are graded before: a worker that has just started is not what is asked about."""
    work = make_class(count + 2)
    quick = [each for each in work.submissions if not each.learner.endswith(("-slow", "-raises"))]
    cohort, lab_unit = open_course(stack, work.name, work.source)
    hand_in_all(cohort, lab_unit, quick[:WARM_UPS])
    wait_graded(min(WARM_UPS, count))
    answers = Answers()
    pressers = []
    for submission in quick:
        enrolment = EnrolmentFactory.create(cohort=cohort)
        save_work(enrolment, lab_unit.release.lab, dict(submission.files))
        pressers.append(Presser(stack, enrolment, lab_unit, answers))
    begin = time.monotonic() + 1
    for number, presser in enumerate(pressers):
        presser.at = begin + number
        presser.start()
    for presser in pressers:
        presser.join()
    return [presser.press for presser in pressers]
