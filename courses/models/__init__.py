"""The data of courses. Text in several languages stands in `*Text` rows, one per language."""

from courses.models.catalogue import Course, CourseRelease, CourseText, Factory, FactoryMembership
from courses.models.cohorts import Cohort, CohortMove, CohortTeamMember, Enrolment, EnrolmentEvent
from courses.models.content import Module, ModuleText, Unit, UnitFile, UnitText
from courses.models.people import User
from courses.models.progress import QuizAttempt, UnitProgress

__all__ = [
    "Cohort",
    "CohortMove",
    "CohortTeamMember",
    "Course",
    "CourseRelease",
    "CourseText",
    "Enrolment",
    "EnrolmentEvent",
    "Factory",
    "FactoryMembership",
    "Module",
    "ModuleText",
    "QuizAttempt",
    "Unit",
    "UnitFile",
    "UnitProgress",
    "UnitText",
    "User",
]
