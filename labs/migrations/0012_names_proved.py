from django.db import migrations, models
from django.db.models import Exists, OuterRef, Q


def doubt(apps, _schema_editor):
    """Names that staff gave are vouched for; whoever only told one shows that it is theirs, and is tried out anew."""
    events = apps.get_model("labs", "FactoryAccountEvent").objects.filter(
        account=OuterRef("pk"), reason="account_named"
    )
    own = apps.get_model("labs", "FactoryAccount").objects.filter(kind="own").exclude(name="")
    own.filter(Exists(events)).update(is_vouched=True)
    own.filter(is_vouched=False, status__in=["verifying", "verified"]).update(
        status="invited", reason="account_code_missing"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("labs", "0011_jobs_of_cohorts"),
    ]

    operations = [
        migrations.AddField(
            model_name="factoryaccount",
            name="is_vouched",
            field=models.BooleanField(default=False),
        ),
        migrations.RemoveConstraint(model_name="factoryaccount", name="one_factory_account_per_name"),
        migrations.AddConstraint(
            model_name="factoryaccount",
            constraint=models.UniqueConstraint(
                fields=("hub", "name"),
                condition=Q(
                    Q(("name", ""), _negated=True),
                    Q(
                        Q(("kind", "own"), _negated=True),
                        ("status", "verified"),
                        ("is_vouched", True),
                        _connector="OR",
                    ),
                ),
                name="one_factory_account_per_name",
            ),
        ),
        migrations.RunPython(doubt, migrations.RunPython.noop),
    ]
