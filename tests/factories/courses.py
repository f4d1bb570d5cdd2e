"""A factory for every model of courses. Every row is valid by itself and unlike the others."""

# mypy: disallow-untyped-calls=False

from datetime import timedelta
from typing import Any

from django.utils import timezone
from factory.declarations import LazyFunction, RelatedFactory, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory, FileField

from courses import models
from courses.quizzes import Option, Question, QuestionKind, Quiz
from courses.states import EnrolmentStatus

QUIZ: dict[str, Any] = Quiz(
    title="",
    questions=(
        Question(
            id="q1",
            kind=QuestionKind.SINGLE,
            text="How should the data be split?",
            explanation="Rows of one building are alike.",
            options=(Option("a", "By building", is_right=True), Option("b", "By row", is_right=False)),
        ),
        Question(
            id="q2",
            kind=QuestionKind.MULTIPLE,
            text="What is known beforehand?",
            explanation="What is measured on the day is not.",
            options=(
                Option("a", "The floor area", is_right=True),
                Option("b", "The forecast", is_right=True),
                Option("c", "The meter", is_right=False),
            ),
        ),
    ),
).to_json()


class UserFactory(DjangoModelFactory[models.User]):
    class Meta:
        model = models.User
        skip_postgeneration_save = True

    email = Sequence(lambda n: f"person{n}@example.org")
    full_name = Sequence(lambda n: f"Person {n}")


class FactoryFactory(DjangoModelFactory[models.Factory]):
    class Meta:
        model = models.Factory

    slug = Sequence(lambda n: f"site{n}")
    name = Sequence(lambda n: f"AI Factory {n}")
    machine = Sequence(lambda n: f"MACHINE {n}")
    city = "Kajaani"
    country = "FI"
    time_zone = "Europe/Helsinki"
    languages = ["en"]


class FactoryMembershipFactory(DjangoModelFactory[models.FactoryMembership]):
    class Meta:
        model = models.FactoryMembership

    factory = SubFactory(FactoryFactory)
    user = SubFactory(UserFactory)


class CourseFactory(DjangoModelFactory[models.Course]):
    class Meta:
        model = models.Course

    slug = Sequence(lambda n: f"course-{n}")


class CourseReleaseFactory(DjangoModelFactory[models.CourseRelease]):
    """A release with its text in English, and no units."""

    class Meta:
        model = models.CourseRelease
        skip_postgeneration_save = True

    course = SubFactory(CourseFactory)
    number = Sequence(lambda n: n + 1)
    content_hash = Sequence(lambda n: f"{n:064x}")
    languages = ["en"]
    hours = "2.0"
    level = models.Course.Level.INTRODUCTORY
    completion = {"rule": "all-units", "pass_share": 0.6}
    texts = RelatedFactory("tests.factories.courses.CourseTextFactory", factory_related_name="release")


class CourseTextFactory(DjangoModelFactory[models.CourseText]):
    class Meta:
        model = models.CourseText

    release = SubFactory(CourseReleaseFactory, texts=None)
    language = "en"
    title = Sequence(lambda n: f"Course {n}")
    summary = "What it is about."
    about_html = "<p>More about it.</p>"


class ModuleFactory(DjangoModelFactory[models.Module]):
    class Meta:
        model = models.Module
        skip_postgeneration_save = True

    release = SubFactory(CourseReleaseFactory)
    slug = Sequence(lambda n: f"module-{n}")
    position = Sequence(lambda n: n + 1)
    text = RelatedFactory("tests.factories.courses.ModuleTextFactory", factory_related_name="module")


class ModuleTextFactory(DjangoModelFactory[models.ModuleText]):
    class Meta:
        model = models.ModuleText

    module = SubFactory(ModuleFactory, text=None)
    language = "en"
    title = Sequence(lambda n: f"Module {n}")


class UnitFactory(DjangoModelFactory[models.Unit]):
    """A reading with its text in English."""

    class Meta:
        model = models.Unit
        skip_postgeneration_save = True

    module = SubFactory(ModuleFactory)
    release = SelfAttribute("module.release")
    slug = Sequence(lambda n: f"unit-{n}")
    kind = "reading"
    position = Sequence(lambda n: n + 1)
    minutes = 10
    text = RelatedFactory("tests.factories.courses.UnitTextFactory", factory_related_name="unit")


class QuizUnitFactory(UnitFactory):
    """A quiz of two questions, worth a point each: q1 has one right option (a), q2 has two (a, b)."""

    kind = "quiz"
    text = RelatedFactory(
        "tests.factories.courses.UnitTextFactory",
        factory_related_name="unit",
        quiz=LazyFunction(lambda: QUIZ),
    )


class UnitTextFactory(DjangoModelFactory[models.UnitText]):
    class Meta:
        model = models.UnitText

    unit = SubFactory(UnitFactory, text=None)
    language = "en"
    title = Sequence(lambda n: f"Unit {n}")
    source = "Some *text*."
    html = "<p>Some <em>text</em>.</p>"


class UnitFileFactory(DjangoModelFactory[models.UnitFile]):
    class Meta:
        model = models.UnitFile

    module = SubFactory(ModuleFactory)
    path = Sequence(lambda n: f"images/picture-{n}.png")
    content_type = "image/png"
    content = FileField(data=b"\x89PNG\r\n", filename="picture.png")


class CohortFactory(DjangoModelFactory[models.Cohort]):
    """A cohort that is running now and open to everybody."""

    class Meta:
        model = models.Cohort

    release = SubFactory(CourseReleaseFactory)
    factory = SubFactory(FactoryFactory)
    name = Sequence(lambda n: f"Cohort {n}")
    language = "en"
    starts_at = LazyFunction(lambda: timezone.now() - timedelta(days=7))
    ends_at = LazyFunction(lambda: timezone.now() + timedelta(days=60))


class CohortMoveFactory(DjangoModelFactory[models.CohortMove]):
    """A cohort that went over to another release of its course, and is on it."""

    class Meta:
        model = models.CohortMove

    cohort = SubFactory(CohortFactory)
    before = SubFactory(CourseReleaseFactory, course=SelfAttribute("..cohort.release.course"))
    after = SelfAttribute("cohort.release")
    reason = "draft_released"


class CohortTeamMemberFactory(DjangoModelFactory[models.CohortTeamMember]):
    class Meta:
        model = models.CohortTeamMember

    cohort = SubFactory(CohortFactory)
    user = SubFactory(UserFactory)


class EnrolmentFactory(DjangoModelFactory[models.Enrolment]):
    class Meta:
        model = models.Enrolment

    cohort = SubFactory(CohortFactory)
    learner = SubFactory(UserFactory)
    status = EnrolmentStatus.ACTIVE


class EnrolmentEventFactory(DjangoModelFactory[models.EnrolmentEvent]):
    class Meta:
        model = models.EnrolmentEvent

    enrolment = SubFactory(EnrolmentFactory)
    after = EnrolmentStatus.ACTIVE


class UnitProgressFactory(DjangoModelFactory[models.UnitProgress]):
    class Meta:
        model = models.UnitProgress

    enrolment = SubFactory(EnrolmentFactory)
    unit_slug = Sequence(lambda n: f"unit-{n}")
    opened_at = LazyFunction(timezone.now)


class QuizAttemptFactory(DjangoModelFactory[models.QuizAttempt]):
    class Meta:
        model = models.QuizAttempt

    enrolment = SubFactory(EnrolmentFactory)
    unit_slug = "check"
    answers = {"q1": ["a"]}
    score = 1.0
    max_score = 2.0
    created_at = LazyFunction(timezone.now)
