"""The app of everything that runs code."""

from django.apps import AppConfig


class LabsConfig(AppConfig):
    name = "labs"

    def ready(self) -> None:
        from labs import checks  # noqa: F401 - registers them
        from labs.unit_kind import register_lab_kind

        register_lab_kind()
