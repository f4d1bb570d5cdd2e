"""The part of /api/v1/ that labs serves."""

from rest_framework.routers import SimpleRouter

from labs.api.views import SessionViewSet, SubmissionViewSet

router = SimpleRouter(use_regex_path=False)
router.register("sessions", SessionViewSet, basename="session")
router.register("submissions", SubmissionViewSet, basename="submission")

app_name = "labs-api"
urlpatterns = router.urls
