"""The app of everything that runs code."""

from django.apps import AppConfig


class LabsConfig(AppConfig):
    name = "labs"

    def ready(self) -> None:
        from django.contrib.auth import get_user_model
        from django.contrib.auth.signals import user_logged_out
        from django.db.models.signals import post_save

        from labs import checks  # noqa: F401 - registers them
        from labs.services.signing_out import note_log_out, note_saved_person
        from labs.unit_kind import register_lab_kind

        register_lab_kind()
        user_logged_out.connect(note_log_out)
        post_save.connect(note_saved_person, sender=get_user_model())
