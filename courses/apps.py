"""The app of people, courses, cohorts, progress and credentials."""

from django.apps import AppConfig


class CoursesConfig(AppConfig):
    name = "courses"

    def ready(self) -> None:
        from courses.kinds import register_kinds

        register_kinds()
