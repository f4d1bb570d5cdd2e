"""A class whose labs are jobs of a real Slurm: where it may start, who is in it, and what Slurm has of it."""

import itertools
from dataclasses import dataclass, field

from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from labs.blobs import read_blob
from labs.management.commands.load_slurm_demo import PROJECT, TRAINING, ensure_verified
from labs.models import AccountKind, Flavour, Hub, LabSession, LabUnit, Partition
from labs.services.allocations import Plan, make_version, save_allocation
from labs.services.queue_places import SlurmPlace, find_slurm_place
from tests.live import small_course
from tests.live.people import Visitor, make_learner
from tests.live.sessions import press_start, session_of, wait_ready, write_file
from tests.live.stack import Stack
from tests.live.waiting import wait_until
from tests.servers.slurm import RealCluster

KAJAANI, ATHENS = "kajaani", "athens"
SMALL, GPU = (KAJAANI, "small-g", "1-gcd"), (ATHENS, "gpu", "gpu")
"""Places: a GPU each, of the one factory by accounts of the learners' own, of the other by the pool's."""

FOLDER = f"{small_course.SLUG}/{small_course.LAB}"
SECONDS = 120
OF_DEMO = 4
names = itertools.count(OF_DEMO)
"""Which of Kajaani's accounts is the next person's: the demo's people have the first ones."""


@dataclass
class SlurmClass:
    """A cohort of the small course and the Slurm that it runs on, which `take_up` and `free_one` fill and empty."""

    stack: Stack
    slurm: RealCluster
    cohort: Cohort
    lab: LabUnit
    held: list[str] = field(default_factory=list)

    def allow(self, place: tuple[str, str, str], *, position: int = 1) -> None:
        """Let the class start in a place, as staff do."""
        factory, name, flavour = place
        partition = Partition.objects.get(hub__factory__slug=factory, name=name)
        plan = Plan(
            flavours=list(partition.flavours.filter(slug=flavour)),
            account_kind=AccountKind.OWN if factory == KAJAANI else AccountKind.POOL,
            slurm_account=PROJECT if factory == KAJAANI else TRAINING,
            position=position,
        )
        staff = User.objects.get(email=f"staff.{factory}@paja.example")
        save_allocation(self.cohort, partition, plan, seen=make_version(None), actor=staff)

    def enrol(self, name: str = "Ada") -> Enrolment:
        """Somebody new, with an account of their own at Kajaani."""
        learner = make_learner(self.cohort, name)
        account = self.slurm.learners(KAJAANI)[next(names)]
        ensure_verified(Hub.objects.get(factory__slug=KAJAANI), learner.learner, account)
        return learner

    def visit(self, learner: Enrolment) -> Visitor:
        return Visitor(self.stack, learner.learner.email)

    def press(self, learner: Enrolment) -> LabSession:
        return press_start(self.visit(learner), learner, self.lab)

    def start(self, learner: Enrolment) -> LabSession:
        """The same, ready to work in."""
        self.press(learner)
        return wait_ready(learner, seconds=SECONDS)

    # --- Slurm -------------------------------------------------------------------------------------

    def take_up(self) -> None:
        """What is free of Kajaani's GPUs goes to somebody else's jobs of one each, and Paja knows it."""
        sizes = [kind.count * kind.gpus for kind in self.slurm.plan(KAJAANI).kinds]
        free = sum(sizes) - len(self.jobs())
        self.held += self.slurm.hold_gpus(KAJAANI, "small-g", free, minutes=8)
        small = Flavour.objects.filter(partition__hub__factory__slug=KAJAANI, partition__name="small-g")
        waits = small.filter(slug="1-gcd", expected_wait_seconds__gte=60)
        wait_until(waits.exists, "Paja knows that a start would wait", seconds=SECONDS)

    def free_one(self) -> None:
        self.slurm.cancel_as_admin(KAJAANI, self.held.pop())

    def jobs(self) -> list[str]:
        """Paja's jobs at Kajaani, waiting and running: number and name."""
        lines = self.slurm.ask(KAJAANI, "squeue", "--noheader", "--format=%A %j").splitlines()
        return sorted(line.strip() for line in lines if " paja-" in line)

    def find_job_id(self, session: LabSession) -> str:
        """Slurm's number of the session's job."""
        name = f"paja-{session.server_name}"
        (job,) = self.slurm.ask(
            session.hub.factory.slug, "squeue", "--noheader", "--format=%A", f"--name={name}"
        ).split()
        return job

    def node_of(self, session: LabSession) -> str:
        job = self.find_job_id(session)
        return self.slurm.ask(
            session.hub.factory.slug, "squeue", "--noheader", "--format=%N", f"--jobs={job}"
        ).strip()

    # --- What Paja knows ---------------------------------------------------------------------------

    def wait_place(self, learner: Enrolment, number: int) -> None:
        """Until Paja has it from Slurm that a learner waits at that place, and why."""

        def look() -> SlurmPlace | None:
            place = find_slurm_place(session_of(learner), timezone.now())
            return place if place and place.job and place.job.reason and place.place == number else None

        wait_until(look, f"the place is {number}", seconds=SECONDS)

    def write_notes(self, session: LabSession, text: str) -> None:
        """Edit a file in the lab, and wait until Paja has it."""
        write_file(session, f"{FOLDER}/notes.txt", text)
        wait_until(lambda: self.read_kept_notes(session) == text, "the work is copied", seconds=SECONDS)

    def read_kept_notes(self, session: LabSession) -> str:
        """The file as Paja has it."""
        snapshot = session.workspace.snapshots.first()
        digest = snapshot.files.get("notes.txt") if snapshot else None
        return read_blob(digest).decode() if digest else ""
