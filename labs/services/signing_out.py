"""Whoever leaves Paja leaves the hubs too. Told to the hubs behind the person's back: logging out waits for nobody."""

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone

from courses.models import User
from labs import tasks
from labs.models import Hub, SignOut
from labs.services.sessions import send_on_commit


def request_sign_out(user: User) -> None:
    """Have every hub where the person ever had a session end what their browsers hold there.

    Their other browsers log in again by themselves, as far as they are logged in to Paja. Sessions go on.
    """
    now = timezone.now()
    with transaction.atomic():
        for hub in Hub.objects.filter(sessions__learner=user).select_related("factory").distinct():
            sign_out, _is_new = SignOut.objects.update_or_create(
                user=user, hub=hub, defaults={"requested_at": now, "sent_at": now}
            )
            send_sign_out_on_commit(sign_out.pk, hub.factory.slug)


def send_sign_out_on_commit(sign_out_id: int, factory: str) -> None:
    send_on_commit(lambda: tasks.send_sign_out(sign_out_id, factory))


# --- Receivers of Django's signals, connected in labs/apps.py -------------------------


def note_log_out(user: User | AnonymousUser | None, **_signal: object) -> None:
    """Django's `user_logged_out`."""
    if isinstance(user, User):
        request_sign_out(user)


def note_saved_person(instance: User, **_signal: object) -> None:
    """A person's row was saved: who was deactivated is out, and so is whoever knew the password before.

    Django keeps a new password in `_password` until the row is saved, whoever changed it: its owner or staff.
    """
    if not instance.is_active or getattr(instance, "_password", None) is not None:
        request_sign_out(instance)
