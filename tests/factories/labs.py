"""A factory for every model of labs. Every row is valid by itself and unlike the others."""

# mypy: disallow-untyped-calls=False

from collections.abc import Iterable
from decimal import Decimal

from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from courses.models import Factory, User
from labs import models
from labs.states import (
    AccountStatus,
    DraftStatus,
    GradingOutcome,
    GradingStatus,
    SessionStatus,
    SubmissionStatus,
)
from tests.factories import courses


class HubFactory(DjangoModelFactory[models.Hub]):
    class Meta:
        model = models.Hub

    factory = SubFactory(courses.FactoryFactory)
    api_url = "http://127.0.0.1:8010/hub/api"
    public_url = LazyAttribute(lambda hub: f"http://{hub.factory.slug}.localhost:8010")


class HubOutageFactory(DjangoModelFactory[models.HubOutage]):
    class Meta:
        model = models.HubOutage

    hub = SubFactory(HubFactory)
    began_at = LazyFunction(timezone.now)
    ended_at = LazyFunction(timezone.now)
    reason = "hub_unavailable"


class SignOutFactory(DjangoModelFactory[models.SignOut]):
    """A log-out that its hub has not confirmed."""

    class Meta:
        model = models.SignOut

    user = SubFactory(courses.UserFactory)
    hub = SubFactory(HubFactory)


class LabFactory(DjangoModelFactory[models.Lab]):
    class Meta:
        model = models.Lab

    course = SubFactory(courses.CourseFactory)
    slug = Sequence(lambda n: f"lab-{n}")


class LabReleaseFactory(DjangoModelFactory[models.LabRelease]):
    class Meta:
        model = models.LabRelease

    lab = SubFactory(LabFactory)
    number = Sequence(lambda n: n + 1)
    content_hash = Sequence(lambda n: f"{n:064x}")
    source_files = {"lab.ipynb": "0" * 64}
    learner_files = {"lab.ipynb": "1" * 64}
    gradebook = "2" * 64
    grade_cells = [
        {
            "notebook": "lab",
            "grade_id": "mean",
            "kind": "autograded",
            "max_score": 3.0,
            "is_manual": False,
            "position": 0,
        },
        {
            "notebook": "lab",
            "grade_id": "explain",
            "kind": "manual",
            "max_score": 2.0,
            "is_manual": True,
            "position": 1,
        },
    ]
    needs = {"gpus": 0, "memory_gb": 2, "minutes": 120}
    limits = {"cell_seconds": 60, "total_seconds": 300, "memory_mb": 1024}


class LabUnitFactory(DjangoModelFactory[models.LabUnit]):
    """A unit of kind lab and the release it shows, of one course and under one slug."""

    class Meta:
        model = models.LabUnit

    unit = SubFactory(courses.UnitFactory, kind="lab")
    release = SubFactory(
        LabReleaseFactory,
        lab__course=SelfAttribute("...unit.release.course"),
        lab__slug=SelfAttribute("...unit.slug"),
    )


class WorkspaceFactory(DjangoModelFactory[models.Workspace]):
    class Meta:
        model = models.Workspace
        django_get_or_create = ("owner", "lab", "purpose")

    owner = SubFactory(courses.UserFactory)
    lab = SubFactory(LabFactory)
    purpose = models.Workspace.Purpose.LEARN


class LabSessionFactory(DjangoModelFactory[models.LabSession]):
    """A session that was just requested, at the hub of its cohort's factory."""

    class Meta:
        model = models.LabSession

    enrolment = SubFactory(courses.EnrolmentFactory)
    learner = SelfAttribute("enrolment.learner")
    release = SubFactory(LabReleaseFactory, lab__course=SelfAttribute("...enrolment.cohort.release.course"))
    lab = SelfAttribute("release.lab")
    workspace = LazyAttribute(lambda session: _workspace_of(session.learner, session.lab))
    hub = LazyAttribute(lambda session: _hub_of(session.enrolment.cohort.factory))
    status = SessionStatus.REQUESTED


class LabSessionEventFactory(DjangoModelFactory[models.LabSessionEvent]):
    class Meta:
        model = models.LabSessionEvent

    session = SubFactory(LabSessionFactory)
    after = SessionStatus.REQUESTED


class SnapshotFactory(DjangoModelFactory[models.Snapshot]):
    class Meta:
        model = models.Snapshot

    workspace = SubFactory(WorkspaceFactory)
    cause = models.Snapshot.Cause.STOP
    files = {"lab.ipynb": "3" * 64}
    content_hash = "4" * 64
    saved_at = LazyFunction(timezone.now)


class SubmissionFactory(DjangoModelFactory[models.Submission]):
    """A submission that was collected."""

    class Meta:
        model = models.Submission

    enrolment = SubFactory(courses.EnrolmentFactory)
    release = SubFactory(LabReleaseFactory, lab__course=SelfAttribute("...enrolment.cohort.release.course"))
    lab = SelfAttribute("release.lab")
    status = SubmissionStatus.COLLECTED
    collected_at = LazyFunction(timezone.now)
    saved_at = LazyFunction(timezone.now)
    attempt = Sequence(lambda n: n + 1)
    source = models.Submission.Source.SERVER
    files = {"lab.ipynb": "3" * 64}
    content_hash = "4" * 64


class CheckFactory(SubmissionFactory):
    """A check of a learner's own work that was collected."""

    purpose = models.Submission.Purpose.CHECK
    attempt = LazyAttribute(lambda _check: None)  # type: ignore[assignment]


class SubmissionEventFactory(DjangoModelFactory[models.SubmissionEvent]):
    class Meta:
        model = models.SubmissionEvent

    submission = SubFactory(SubmissionFactory)
    after = SubmissionStatus.COLLECTED


class GradingRunFactory(DjangoModelFactory[models.GradingRun]):
    """A run that ended with a score."""

    class Meta:
        model = models.GradingRun

    submission = SubFactory(SubmissionFactory)
    release = SelfAttribute("submission.release")
    status = GradingStatus.FINISHED
    outcome = GradingOutcome.SCORED
    finished_at = LazyFunction(timezone.now)
    score = 3.0
    max_score = 5.0


class GradingRunEventFactory(DjangoModelFactory[models.GradingRunEvent]):
    class Meta:
        model = models.GradingRunEvent

    run = SubFactory(GradingRunFactory)
    after = GradingStatus.FINISHED


class CellGradeFactory(DjangoModelFactory[models.CellGrade]):
    class Meta:
        model = models.CellGrade

    run = SubFactory(GradingRunFactory)
    notebook = "lab"
    grade_id = Sequence(lambda n: f"cell-{n}")
    position = Sequence(lambda n: n)
    kind = "autograded"
    max_score = 3.0
    auto_score = 3.0


class ScoreChangeFactory(DjangoModelFactory[models.ScoreChange]):
    """A person's first decision about a cell."""

    class Meta:
        model = models.ScoreChange

    cell = SubFactory(CellGradeFactory)
    after = 2.0
    reason = "graded_by_hand"
    actor = SubFactory(courses.UserFactory)


class FeedbackFactory(DjangoModelFactory[models.Feedback]):
    class Meta:
        model = models.Feedback

    run = SubFactory(GradingRunFactory)
    content = "5" * 64


class GradingPauseFactory(DjangoModelFactory[models.GradingPause]):
    """A pause that nobody has ended."""

    class Meta:
        model = models.GradingPause

    lab = SubFactory(LabFactory)


class LabDraftFactory(DjangoModelFactory[models.LabDraft]):
    """A draft that was checked and has nothing wrong with it, of the release that its cohort has."""

    class Meta:
        model = models.LabDraft

    cohort = SubFactory(courses.CohortFactory)
    base = SubFactory(LabReleaseFactory, lab__course=SelfAttribute("...cohort.release.course"))
    lab = SelfAttribute("base.lab")
    author = SubFactory(courses.UserFactory)
    status = DraftStatus.CHECKED
    files = {"lab.ipynb": "6" * 64}
    content_hash = Sequence(lambda n: f"{n:064x}")
    learner_files = {"lab.ipynb": "7" * 64}
    gradebook = "8" * 64


class LabDraftEventFactory(DjangoModelFactory[models.LabDraftEvent]):
    class Meta:
        model = models.LabDraftEvent

    draft = SubFactory(LabDraftFactory)
    after = DraftStatus.CHECKED


class GraderFactory(DjangoModelFactory[models.Grader]):
    """A grader that can be given work."""

    class Meta:
        model = models.Grader

    hub = SubFactory(HubFactory)
    status = SessionStatus.READY
    ready_at = LazyFunction(timezone.now)


class GraderEventFactory(DjangoModelFactory[models.GraderEvent]):
    class Meta:
        model = models.GraderEvent

    grader = SubFactory(GraderFactory)
    after = SessionStatus.READY


def _hub_of(site: Factory) -> models.Hub:
    """A factory has one hub."""
    return models.Hub.objects.filter(factory=site).first() or HubFactory.create(factory=site)


def _workspace_of(learner: User, lab: models.Lab) -> models.Workspace:
    """A learner has one workspace in a lab."""
    return WorkspaceFactory.create(owner=learner, lab=lab)


class PartitionFactory(DjangoModelFactory[models.Partition]):
    """Two nodes of eight GPUs, all free."""

    class Meta:
        model = models.Partition

    hub = SubFactory(HubFactory, has_slurm=True)
    name = Sequence(lambda n: f"small-g{n}")
    time_limit_minutes = 4320
    nodes_total = 2
    nodes_idle = 2
    gpus_total = 16
    gpus_free = 16
    read_at = LazyFunction(timezone.now)


class FlavourFactory(DjangoModelFactory[models.Flavour]):
    class Meta:
        model = models.Flavour

    partition = SubFactory(PartitionFactory)
    slug = Sequence(lambda n: f"one-gpu-{n}")
    gpus = 1
    gpu_name = "MI250X"
    gpu_memory_gb = 64
    cores = 7
    memory_gb = 60
    minutes_max = 480
    weight = Decimal("0.5")
    expected_wait_seconds = 0


class AllocationFactory(DjangoModelFactory[models.Allocation]):
    class Meta:
        model = models.Allocation
        skip_postgeneration_save = True

    cohort = SubFactory(courses.CohortFactory)
    partition = SubFactory(PartitionFactory)
    account_kind = models.AccountKind.POOL
    slurm_account = "course"

    @post_generation
    def flavours(self, create: bool, extracted: Iterable[models.Flavour] | None) -> None:
        if create and extracted:
            self.flavours.set(extracted)


class AllocationChangeFactory(DjangoModelFactory[models.AllocationChange]):
    class Meta:
        model = models.AllocationChange

    cohort = SubFactory(courses.CohortFactory)
    partition = SubFactory(PartitionFactory)
    after = {"slurm_account": "course"}


class FactoryAccountFactory(DjangoModelFactory[models.FactoryAccount]):
    """One of a pool; `kind=AccountKind.OWN, user=…` for a person's own."""

    class Meta:
        model = models.FactoryAccount

    hub = SubFactory(HubFactory, has_slurm=True)
    kind = models.AccountKind.POOL
    name = Sequence(lambda n: f"train{n:02d}")
    status = AccountStatus.VERIFIED


class FactoryAccountEventFactory(DjangoModelFactory[models.FactoryAccountEvent]):
    class Meta:
        model = models.FactoryAccountEvent

    account = SubFactory(FactoryAccountFactory)
    after = AccountStatus.VERIFIED
    reason = "offered"


class AccountLeaseFactory(DjangoModelFactory[models.AccountLease]):
    class Meta:
        model = models.AccountLease

    account = SubFactory(FactoryAccountFactory)
    user = SubFactory(courses.UserFactory)


class SlurmJobFactory(DjangoModelFactory[models.SlurmJob]):
    """A job that waits, third among Paja's."""

    class Meta:
        model = models.SlurmJob

    session: models.LabSession | None = None
    hub = SubFactory(HubFactory, has_slurm=True)
    job_id = Sequence(lambda n: str(1000 + n))
    cohort = LazyAttribute(lambda job: job.session and job.session.enrolment and job.session.enrolment.cohort)
    server_name = Sequence(lambda n: f"s-{n:08x}")
    partition_name = "small-g"
    flavour_slug = "one-gpu"
    unix_account = "train01"
    gpus = 1
    weight = Decimal("0.5")
    state = "PENDING"
    reason = "Resources"
    place = 3
    submitted_at = LazyFunction(timezone.now)
    read_at = LazyFunction(timezone.now)
