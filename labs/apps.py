"""The app of everything that runs code."""

from django.apps import AppConfig


class LabsConfig(AppConfig):
    name = "labs"

    def ready(self) -> None:
        from allauth.account.signals import password_changed, password_reset, password_set
        from django.contrib.auth import get_user_model
        from django.contrib.auth.signals import user_logged_out
        from django.db.models.signals import post_save

        from labs import checks  # noqa: F401 - registers them
        from labs.services.signing_out import note_deactivation, note_log_out
        from labs.unit_kind import register_lab_kind

        register_lab_kind()
        for signal in (user_logged_out, password_changed, password_reset, password_set):
            signal.connect(note_log_out)
        post_save.connect(note_deactivation, sender=get_user_model())
