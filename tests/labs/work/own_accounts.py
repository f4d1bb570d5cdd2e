"""Ada's own account, that waits to be tried out, and what a hub says of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from courses.models import User
from labs.jupyterhub.queue_wire import CheckModel, QueueAnswer
from labs.models import AccountKind, FactoryAccount, Hub
from labs.states import AccountStatus
from labs.work.checking_accounts import RESEND_AFTER, ensure_checked, follow_checks
from tests.factories import labs as make
from tests.fakes.hub import FakeHub

SERVER = "v-1f00ba12"


def make_account(hub: Hub, user: User, server: str = SERVER) -> FactoryAccount:
    found: FactoryAccount = make.FactoryAccountFactory.create(
        hub=hub,
        kind=AccountKind.OWN,
        user=user,
        name="kaj001",
        slurm_account="project_1",
        status=AccountStatus.VERIFYING,
        check_server_name=server,
        check_requested_at=timezone.now() - RESEND_AFTER,
        expires_at=timezone.now() + timedelta(days=90),
    )
    return found


def make_flavour(hub: Hub) -> Any:
    return make.FlavourFactory.create(partition__hub=hub, partition__name="small-g", slug="one-gcd")


def check(account: FactoryAccount, hub: FakeHub) -> None:
    ensure_checked(account.pk, connect=lambda _hub: hub)  # type: ignore[arg-type, return-value]
    account.refresh_from_db()


def follow(account: FactoryAccount, fake: FakeHub, answer: QueueAnswer | None = None, **later: float) -> None:
    """A sweep of the hub, so much later than now."""
    hub = Hub.objects.get(pk=account.hub_id)
    at = timezone.now() + timedelta(**later)
    follow_checks(hub, fake.list_servers(), fake, at, answer)  # type: ignore[arg-type]
    account.refresh_from_db()


def told(*, is_passed: bool, reason: str = "", name: str = "kaj001", server: str = SERVER) -> QueueAnswer:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    found = CheckModel(unix_account=name, server=server, is_passed=is_passed, reason=reason, at=at)
    return QueueAnswer(has_slurm=True, checks=(found,))


def state(account: FactoryAccount) -> tuple[str, str]:
    account.refresh_from_db()
    return account.status, account.reason


def server_of(account: FactoryAccount) -> tuple[str, str]:
    assert account.user is not None
    return account.user.hub_name, SERVER
