"""A class on two Slurms: cohorts, what they may use, whose accounts it has. Django is set up when this is imported."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from courses.models import CourseRelease, Factory, User
from labs.models import AccountKind, FactoryAccount, Flavour, Hub, LabUnit
from labs.services.allocations import Plan, make_version, save_allocation
from labs.states import AccountStatus
from tests.factories.courses import CohortFactory, EnrolmentFactory
from tests.live import small_course
from tests.live.people import sign_in
from tests.live.stack import Stack
from tests.servers.slurm import RealCluster

DEMO_ACCOUNTS = 4  # of Kajaani's own accounts, which the demo's people have
LAB_MINUTES = 240  # nobody's time runs out


@dataclass(frozen=True)
class Site:
    """What the class uses at one factory."""

    factory: str
    partition: str
    flavour: str
    kind: AccountKind
    slurm_account: str


SITES = (
    Site("kajaani", "small-g", "1-gcd", AccountKind.OWN, "project_465000001"),
    Site("athens", "gpu", "gpu", AccountKind.POOL, "training"),
)


@dataclass(frozen=True)
class Member:
    """A learner, where their lab is, and the cookie of a browser that is logged in."""

    user_id: int
    email: str
    site: Site
    unit_path: str
    cookie: str


def make_class(stack: Stack, slurm: RealCluster, count: int) -> list[Member]:
    """So many learners, at the factories in turn; each cohort may use one size of one partition."""
    folder = small_course.write_package(stack.place.data.parent / "package")
    about = folder / f"modules/10-basics/10-{small_course.LAB}/lab.toml"
    about.write_text(about.read_text().replace("minutes = 5", f"minutes = {LAB_MINUTES}"))
    said = stack.manage("import_course", str(folder))
    if said.returncode != 0:
        raise RuntimeError(said.stdout + said.stderr)
    release = CourseRelease.objects.get(course__slug=small_course.SLUG)
    lab = LabUnit.objects.select_related("unit").get(unit__release=release)
    cohorts = {}
    for site in SITES:
        cohort = CohortFactory.create(release=release, factory=Factory.objects.get(slug=site.factory))
        flavour = Flavour.objects.select_related("partition__hub").get(
            partition__hub__factory__slug=site.factory, partition__name=site.partition, slug=site.flavour
        )
        plan = Plan([flavour], site.kind, site.slurm_account, position=1)
        staff = User.objects.get(email=f"staff.{site.factory}@paja.example")
        save_allocation(cohort, flavour.partition, plan, seen=make_version(None), actor=staff)
        cohorts[site] = cohort
    own_accounts = iter(slurm.learners("kajaani")[DEMO_ACCOUNTS:])
    members = []
    for number in range(count):
        site = SITES[number % len(SITES)]
        learner = EnrolmentFactory.create(cohort=cohorts[site]).learner
        if site.kind == AccountKind.OWN:
            verify_account(learner, site, next(own_accounts))
        path = f"/learn/{cohorts[site].public_id}/{lab.unit.slug}/"
        members.append(Member(learner.pk, learner.email, site, path, sign_in(learner)))
    return members


def verify_account(user: User, site: Site, name: str) -> None:
    """As if a job had tried their account out."""
    now = timezone.now()
    FactoryAccount.objects.create(
        hub=Hub.objects.get(factory__slug=site.factory),
        kind=AccountKind.OWN,
        user=user,
        name=name,
        slurm_account=site.slurm_account,
        status=AccountStatus.VERIFIED,
        verified_at=now,
        expires_at=now + timedelta(days=30),
    )
