"""The pages of courses."""

from django.urls import path

from courses.views import enrolments, learning, people, preview, public, teaching

app_name = "courses"
urlpatterns = [
    path("", public.home, name="home"),
    path("courses/", public.catalogue, name="catalogue"),
    path("courses/<slug:course>/", public.course, name="course"),
    path("language/", people.set_language, name="set-language"),
    path("settings/", people.settings, name="settings"),
    path("settings/token/", people.renew_token, name="renew-token"),
    path("cohorts/<uuid:cohort>/enrol", enrolments.enrol, name="enrol"),
    path("cohorts/<uuid:cohort>/withdraw", enrolments.withdraw, name="withdraw"),
    path("learn/<uuid:cohort>/", learning.course_map, name="learn"),
    path("learn/<uuid:cohort>/files/<slug:module>/<path:path>", learning.unit_file, name="unit-file"),
    path("learn/<uuid:cohort>/<slug:unit>/", learning.unit, name="unit"),
    path("learn/<uuid:cohort>/<slug:unit>/done", learning.mark_done, name="unit-done"),
    path("learn/<uuid:cohort>/<slug:unit>/answers", learning.answer_quiz, name="quiz-answers"),
    path("preview/<uuid:release>/", preview.course_map, name="preview"),
    path("preview/<uuid:release>/files/<slug:module>/<path:path>", preview.unit_file, name="preview-file"),
    path("preview/<uuid:release>/<slug:unit>/", preview.unit, name="preview-unit"),
    path("teach/", teaching.teaching, name="teaching"),
    path("teach/<uuid:cohort>/", teaching.cohort, name="cohort"),
    path("teach/<uuid:cohort>/learners.csv", teaching.cohort_csv, name="cohort-csv"),
    path("factories/<slug:factory>/", teaching.factory, name="factory"),
]
