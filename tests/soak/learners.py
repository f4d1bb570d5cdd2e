"""Learners who start a lab, leave its tabs open, write, stop, start again and now and then submit."""

import random
import re
import threading
import time
import traceback
from dataclasses import dataclass, field

from deploy.development.place import Place
from tests.live.people import PASSWORD
from tests.soak.answers import Answers
from tests.soak.browser import Browser, Lab, Page

DIARY = "diary.txt"
SESSION = re.compile(r"/labs/sessions/[0-9a-f-]{36}/")
LAB_POLL_SECONDS = 10.0  # JupyterLab's own pace for kernels, sessions and the file list
ACTIONS = {"stop": 5, "restart": 4, "submit": 2}


@dataclass(frozen=True)
class Person:
    """One learner and where their lab is."""

    user_id: int
    email: str
    hub_name: str
    factory: str
    unit_path: str
    folder: str
    notebook: str


@dataclass(frozen=True)
class Edit:
    """A line that the learner's server said was written."""

    number: int
    at: float
    server: str


@dataclass
class Stage:
    """What all learners share. `is_acting`: they press and write; else they only keep their tabs open."""

    place: Place
    answers: Answers
    act_seconds: float  # on average, between two presses of a learner
    door: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(4))  # who logs in at once
    is_acting: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)


class Learner(threading.Thread):
    def __init__(self, number: int, person: Person, stage: Stage, seed: str, *, has_kernel: bool) -> None:
        super().__init__(name=person.email, daemon=True)
        self.person = person
        self.edits: list[Edit] = []
        self.unanswered = 0
        self.presses: list[tuple[float, str, str]] = []
        self.cuts = 0
        self.crash = ""
        self._stage = stage
        self._random = random.Random(f"{seed}/{number}")
        self._has_kernel = has_kernel
        self._browser = Browser(stage.place, stage.answers)
        self._page: Page | None = None
        self._submission: Page | None = None
        self._lab: Lab | None = None
        self._lines: list[str] = []
        self._pending: list[int] = []
        self._number = 0
        self._due = dict.fromkeys(("lab", "edit", "act", "start"), 0.0)

    def run(self) -> None:
        try:
            self._live()
        except Exception:
            self.crash = traceback.format_exc()
        finally:
            self._close_lab()
            self._browser.client.close()

    def _live(self) -> None:
        with self._stage.door:
            self._browser.log_in(self.person.email, PASSWORD)
        self._wait_before("start", self._random.uniform(0, 10))  # a class begins
        self._wait_before("act", self._random.expovariate(1 / self._stage.act_seconds))
        while not self._stage.is_over.wait(0.25):
            for page in (self._page, self._submission):
                if page is not None:
                    page.keep_up()
            if self._is("ended"):
                self._close_lab()
            self._keep_lab()
            if self._stage.is_acting.is_set():
                self._act()

    # --- What the session's page says -----------------------------------------------------------------

    def _is(self, state: str) -> bool:
        """Whether the session's page shows this: ready, under way, ended, or none."""
        if self._page is None:
            return state == "none"
        place = f"{self._page.path}status"
        if f"{self._page.path}open" in self._page.text_of(place):
            return state == "ready"
        return state == ("under way" if self._page.is_polling(place) else "ended")

    def _act(self) -> None:
        if self._is("none") or self._is("ended"):
            if self._is_due("start"):
                self._wait_before("start", self._random.uniform(2, 6))
                self._start()
        elif self._is("ready") and self._lab is None:
            if self._is_due("lab"):
                self._wait_before("lab", 3)
                self._open_lab()
        elif self._lab is not None and self._is_due("edit"):
            self._wait_before("edit", self._random.uniform(4, 10))
            self._edit(self._lab)
        elif self._lab is not None and self._is_due("act"):
            self._wait_before("act", self._random.expovariate(1 / self._stage.act_seconds))
            self._press_something()

    def _start(self) -> None:
        """Go to the lab's page and press what is there: start, or the way to a session that there is."""
        unit = self._browser.open_page(self.person.unit_path)
        if unit is None:
            return
        form = unit.find_form("/start")
        if form is not None:
            self._note_press("start", "")
            page = self._browser.press(form)
        else:
            found = SESSION.search(unit.text_of(""))
            page = self._browser.open_page(found[0]) if found else None
        if page is not None and SESSION.fullmatch(page.path):
            self._page = page

    def _press_something(self) -> None:
        action = self._random.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        if action == "submit":
            self._submit()
            return
        if self._page is None:
            return
        form = self._page.find_form(f"/{action}", f"{self._page.path}status")
        if form is not None:
            self._note_press(action, self._page.path)
            self._page = self._browser.press(form) or self._page

    def _submit(self) -> None:
        unit = self._browser.open_page(self.person.unit_path)
        form = unit.find_form("/submit") if unit else None
        if form is not None:
            self._note_press("submit", "")
            self._submission = self._browser.press(form) or self._submission

    def _note_press(self, action: str, path: str) -> None:
        self.presses.append((time.time(), action, path))

    # --- JupyterLab -----------------------------------------------------------------------------------

    def _open_lab(self) -> None:
        if self._page is None:
            return
        response = self._browser.get(f"{self._page.path}open")
        if response is None or response.status_code != 200 or not response.url.path.startswith("/user/"):
            return
        lab = Lab(self._browser, str(response.url))
        try:
            text = lab.read_file(f"{self.person.folder}/{DIARY}")
        except ConnectionError:
            return
        self._lab, self._lines, self._pending = lab, (text or "").splitlines(), []
        if self._has_kernel:
            lab.start_kernel(f"{self.person.folder}/{self.person.notebook}")

    def _keep_lab(self) -> None:
        lab = self._lab
        if lab is None or not self._is_due("lab"):
            return
        self._wait_before("lab", LAB_POLL_SECONDS * self._random.uniform(0.9, 1.1))
        answers = [lab.ask(path) for path in ("api/kernels", "api/sessions", "api/contents/?content=1")]
        if any(answer is not None and answer.status_code in {401, 403} for answer in answers):
            lab.sign_in_again()
        lab.keep_socket()

    def _edit(self, lab: Lab) -> None:
        """Write one more line into the diary, as JupyterLab saves: the whole file, as it stands in the tab."""
        self._number += 1
        self._pending.append(self._number)
        self._lines.append(f"{self._number} {time.time():.3f}")
        status = lab.write_file(f"{self.person.folder}/{DIARY}", "\n".join(self._lines) + "\n")
        if status in {200, 201}:
            now = time.time()
            self.edits += [Edit(number, now, lab.server) for number in self._pending]
            self._pending = []
        else:
            self.unanswered += 1
            if status in {401, 403}:
                lab.sign_in_again()

    def _close_lab(self) -> None:
        if self._lab is not None:
            self.cuts += self._lab.cuts
            self._lab.close()
            self._lab = None

    # --- Times ----------------------------------------------------------------------------------------

    def _is_due(self, what: str) -> bool:
        return time.monotonic() >= self._due[what]

    def _wait_before(self, what: str, seconds: float) -> None:
        self._due[what] = time.monotonic() + seconds


def parse_diary(text: str) -> set[int]:
    """The numbers of the edits that stand in a diary."""
    return {int(line.split()[0]) for line in text.splitlines() if line.strip()}
