"""A learner with one tab: they press *Start* at their time, and the tab stays open, asking as htmx does."""

import re
import threading
import time
import traceback
from dataclasses import dataclass

from deploy.development.place import Place
from tests.soak.answers import Answers
from tests.soak.browser import Browser, Page
from tests.soak.slurm_class import Member

PLACE = re.compile(r"\b(\d+)(?:st|nd|rd|th) in the queue of ")
TURN = re.compile(r"Your turn at |Your lab is (?:starting|ready)<")
LOOK = 0.2
SESSION = re.compile(r"/labs/sessions/[0-9a-f-]{36}/")


@dataclass
class Press:
    """All times are `time.time()`; empty for what was not seen."""

    pressed_at: float
    place_seen_at: float | None = None
    first_place: int | None = None
    ready_seen_at: float | None = None


class Tab(threading.Thread):
    """`at` (`time.monotonic`) is when they press. Afterwards the page is kept up until `is_over`."""

    def __init__(self, member: Member, place: Place, answers: Answers) -> None:
        super().__init__(name=member.email, daemon=True)
        self.member = member
        self.press: Press | None = None
        self.crash = ""
        self.at: float | None = None
        self.is_over = threading.Event()
        self._wish = threading.Event()
        self._lock = threading.Lock()
        self._browser = Browser(place, answers)
        self._browser.client.cookies.set("paja_session", member.cookie)
        self._page = self._get(member.unit_path)

    def run(self) -> None:
        try:
            while not self.is_over.wait(LOOK):
                with self._lock:
                    self._live()
        except Exception:
            self.crash = traceback.format_exc()
        finally:
            self._browser.client.close()

    def _live(self) -> None:
        if self.at is not None and time.monotonic() >= self.at:
            self.at = None
            self._start()
        self._page.keep_up()
        if self.press is not None:
            self._look(self.press)

    def _get(self, path: str) -> Page:
        page = self._browser.open_page(path)
        if page is None:
            raise AssertionError(f"{path} was not shown to {self.member.email}")
        return page

    def _start(self) -> None:
        form = self._page.find_form("/start", f"{self._page.path}panel") or self._page.find_form("/start")
        assert form is not None, f"no button to start at {self._page.path}"
        self.press = Press(time.time())
        page = self._browser.press(form)
        assert page is not None, "the press got no page"
        assert SESSION.fullmatch(page.path), f"the press led to {page.path}"
        self._page = page

    def _look(self, press: Press) -> None:
        if press.place_seen_at is None:
            found = PLACE.search(self.text)
            if found or TURN.search(self.text):
                press.place_seen_at = time.time()
                press.first_place = int(found[1]) if found else None
        if press.ready_seen_at is None and self.is_ready:
            press.ready_seen_at = time.time()

    # --- What the tab shows, for other threads ----------------------------------------------------------

    @property
    def text(self) -> str:
        return self._page.text_of(f"{self._page.path}status")

    @property
    def shown_place(self) -> int | None:
        """The place that the page shows now."""
        found = PLACE.search(self.text)
        return int(found[1]) if found else None

    @property
    def is_ready(self) -> bool:
        return f"{self._page.path}open" in self.text

    def open_lab(self) -> bool:
        """Follow the button to the lab; whether JupyterLab's own page came."""
        with self._lock:
            answer = self._browser.get(f"{self._page.path}open")
        return answer is not None and answer.status_code == 200 and answer.url.path.startswith("/user/")

    def stop_lab(self) -> None:
        """Press *Stop*, and go on looking at the page."""
        with self._lock:
            form = self._page.find_form("/stop", f"{self._page.path}status")
            if form is not None:
                self._page = self._browser.press(form) or self._page
