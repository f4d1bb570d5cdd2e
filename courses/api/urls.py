"""The part of /api/v1/ that courses serves."""

from rest_framework.routers import SimpleRouter

from courses.api.views import CohortViewSet, CourseViewSet, EnrolmentViewSet

router = SimpleRouter(use_regex_path=False)
router.register("courses", CourseViewSet, basename="course")
router.register("cohorts", CohortViewSet, basename="cohort")
router.register("enrolments", EnrolmentViewSet, basename="enrolment")

app_name = "courses-api"
urlpatterns = router.urls
