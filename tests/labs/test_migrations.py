"""What migrations do to rows that are there already."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from labs.models import AccountKind
from labs.states import AccountStatus
from labs.transitions import note_account
from tests.factories import courses as make_courses
from tests.factories import labs as make

THEN = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_sessions_and_snapshots_from_before_get_their_workspace() -> None:
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes("labs")
    executor.migrate([("labs", "0001_initial"), ("courses", "0002_cache_table")])
    try:
        old = executor.loader.project_state([("labs", "0001_initial"), ("courses", "0002_cache_table")]).apps
        ada = old.get_model("courses", "User").objects.create(email="ada@paja.example", hub_name="p-1")
        course = old.get_model("courses", "Course").objects.create(slug="course")
        lab = old.get_model("labs", "Lab").objects.create(course=course, slug="lab")
        snapshots = old.get_model("labs", "Snapshot").objects
        for digest in ("1", "2"):
            snapshots.create(
                learner=ada, lab=lab, cause="stop", files={}, content_hash=digest * 64, saved_at=THEN
            )

        executor = MigrationExecutor(connection)
        executor.migrate(newest)

        new = executor.loader.project_state(newest).apps
        workspace = new.get_model("labs", "Workspace").objects.get()
        kept = workspace.snapshots.order_by("pk")
        assert (workspace.owner_id, workspace.lab_id, workspace.purpose) == (ada.pk, lab.pk, "learn")
        assert [snapshot.content_hash[0] for snapshot in kept] == ["1", "2"]
        assert len({snapshot.public_id for snapshot in kept}) == 2
    finally:
        MigrationExecutor(connection).migrate(newest)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("is_named", "status", "after"),
    [
        (True, AccountStatus.VERIFIED, AccountStatus.VERIFIED),
        (False, AccountStatus.VERIFIED, AccountStatus.INVITED),
        (False, AccountStatus.VERIFYING, AccountStatus.INVITED),
        (False, AccountStatus.EXPIRED, AccountStatus.EXPIRED),
    ],
)
def test_an_account_whose_name_its_owner_only_told_is_tried_out_anew(
    is_named: bool, status: AccountStatus, after: AccountStatus
) -> None:
    account = make.FactoryAccountFactory.create(
        kind=AccountKind.OWN, user=make_courses.UserFactory.create(), name="kaj001", status=status
    )
    lent = make.FactoryAccountFactory.create(name="train01")
    if is_named:
        note_account(account, reason="account_named")

    import_module("labs.migrations.0012_names_proved").doubt(apps, None)

    account.refresh_from_db()
    lent.refresh_from_db()
    assert (account.status, account.is_vouched) == (after, is_named)
    assert lent.status == AccountStatus.VERIFIED
