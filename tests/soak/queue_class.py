"""Three courses with a small lab each, and everybody's work, handed in over HTTP. Django is set up when imported."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from uuid import uuid4

import httpx
from nbformat.v4 import new_code_cell

from courses.models import CourseRelease, Factory
from labs.blobs import hash_content, read_blob
from labs.models import LabUnit
from tests.factories.courses import CohortFactory, EnrolmentFactory
from tests.live import small_course
from tests.live.people import sign_in
from tests.live.stack import Stack
from tests.soak.answers import Answers, CountingTransport

COURSES = 3
LAB, NOTEBOOK = "sums", "sums.ipynb"
POINTS = {"add": 1, "double": 2}
RIGHT = {
    "add": "def add(first, second):\n    return first + second",
    "double": "def double(number):\n    return 2 * number",
}
TESTS = {
    "add": 'assert add(1, 2) == 3, "One and two are three."',
    "double": 'assert double(4) == 8, "Twice four is eight."',
}
NEWER = 0.1  # of the learners hand in newer work while the older waits
HANDS = 6
TRIES = 3
CSRF = "soak" * 8
REFUSED = "refused="


@dataclass
class Learner:
    """One learner of one course; `versions` are the notebooks that they hand in, the newest last."""

    enrolment_id: int
    course: int
    path: str
    session: str
    versions: list[bytes]


@dataclass
class Class:
    """All learners, and the points of each notebook by its digest. `labs`: the row of each course's lab."""

    learners: list[Learner] = field(default_factory=list)
    labs: list[LabUnit] = field(default_factory=list)
    points: dict[str, int] = field(default_factory=dict)


def make_class(stack: Stack, count: int, seed: str) -> Class:
    """So many learners, as many in each course as can be."""
    chance = random.Random(f"{seed}/class")
    made = Class()
    for course in range(COURSES):
        lab = open_course(stack, f"sums-{course + 1}")
        made.labs.append(lab)
        cohort = CohortFactory.create(release=lab.unit.release, factory=Factory.objects.get(slug="kajaani"))
        released = read_blob(lab.release.learner_files[NOTEBOOK])
        for number in range(len(range(course, count, COURSES))):
            enrolment = EnrolmentFactory.create(cohort=cohort)
            versions = []
            for version in range(2 if chance.random() < NEWER else 1):
                content, points = answer(released, f"{course} {number} {version}", chance)
                versions.append(content)
                made.points[hash_content(content)] = points
            path = f"/learn/{cohort.public_id}/{LAB}/upload"
            session = sign_in(enrolment.learner)
            made.learners.append(Learner(enrolment.pk, course, path, session, versions))
    return made


def open_course(stack: Stack, slug: str) -> LabUnit:
    folder = stack.place.data.parent / "package" / slug
    small_course.write_package(folder, slug=slug, lab=LAB, sources={NOTEBOOK: make_source()})
    said = stack.manage("import_course", str(folder))
    if said.returncode != 0:
        raise RuntimeError(said.stdout + said.stderr)
    release = CourseRelease.objects.get(course__slug=slug)
    return LabUnit.objects.select_related("unit__module__release", "release__lab").get(unit__release=release)


def make_source() -> bytes:
    cells: list[Any] = []
    for name, points in POINTS.items():
        head, body = RIGHT[name].split("\n")
        solution = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
        metadata = small_course.grade_metadata(name, solution=True)
        cells.append(new_code_cell(solution, id=name, metadata=metadata))
        metadata = small_course.grade_metadata(f"test-{name}", points=points)
        cells.append(new_code_cell(TESTS[name], id=f"test-{name}", metadata=metadata))
    return small_course.write_notebook(cells)


def answer(released: bytes, name: str, chance: random.Random) -> tuple[bytes, int]:
    """A notebook in which each task is right or not, by chance, and what it is worth; no two are the same."""
    notebook = json.loads(released)
    points = 0
    for cell in notebook["cells"]:
        task = cell["metadata"]["nbgrader"]["grade_id"]
        if task in RIGHT:
            is_right = chance.random() < 0.5
            cell["source"] = RIGHT[task] if is_right else RIGHT[task].replace("return ", "return 1 + ")
            cell["source"] += f"  # {name}"
            points += POINTS[task] * is_right
    return json.dumps(notebook).encode(), points


class Door:
    """Hands in over HTTP, several at once; what was refused is counted."""

    def __init__(self, stack: Stack, answers: Answers) -> None:
        self.refused: Counter[str] = Counter()
        self.presses = 0
        self._origin = stack.url
        self._transport = CountingTransport({stack.place.port: "paja"}, answers)
        self._lock = Lock()

    def hand_in_all(self, learners: Iterable[Learner], *, is_again: bool = False) -> None:
        """The first version of each, or `is_again`: newer work if they have it, and then the same once more."""
        hand_in = self._hand_in_again if is_again else self._hand_in_first
        with ThreadPoolExecutor(HANDS) as hands:
            for _ in hands.map(hand_in, learners):
                pass

    def _hand_in_first(self, learner: Learner) -> None:
        self._hand_in(learner, learner.versions[0])

    def _hand_in_again(self, learner: Learner) -> None:
        for content in learner.versions[1:]:
            self._hand_in(learner, content)
        self._hand_in(learner, learner.versions[-1])

    def _hand_in(self, learner: Learner, content: bytes) -> None:
        """One press; it is sent again where there was no answer, as the same press."""
        key = str(uuid4())
        said = next((said for _ in range(TRIES) if (said := self._send(learner, content, key))), "no answer")
        with self._lock:
            self.presses += 1
            if REFUSED in said or not said.startswith("302"):
                self.refused[said.rpartition(REFUSED)[2]] += 1

    def _send(self, learner: Learner, content: bytes, key: str) -> str:
        """The answer's status and where it leads; empty where there was none."""
        request = httpx.Request(
            "POST",
            f"{self._origin}{learner.path}",
            headers={"Cookie": f"paja_session={learner.session}; paja_csrf={CSRF}"},
            data={"press_key": key, "csrfmiddlewaretoken": CSRF},
            files={"notebooks": (NOTEBOOK, content)},
            extensions={"timeout": httpx.Timeout(60).as_dict()},
        )
        try:
            response = self._transport.handle_request(request)
            response.read()
        except httpx.TransportError:
            return ""
        return f"{response.status_code} {response.headers.get('Location', '')}"


def in_order(made: Class, seed: str) -> Iterator[Learner]:
    """The first course's learners come before all others, who come mixed."""
    others = [learner for learner in made.learners if learner.course]
    random.Random(f"{seed}/order").shuffle(others)
    yield from (learner for learner in made.learners if not learner.course)
    yield from others


def in_any_order(made: Class, seed: str) -> list[Learner]:
    learners = [*made.learners]
    random.Random(f"{seed}/again").shuffle(learners)
    return learners
