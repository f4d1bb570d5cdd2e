"""The pages of labs."""

from django.urls import path

from labs.views import running, sessions, submissions, unit_panel

app_name = "labs"
urlpatterns = [
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/start", unit_panel.start, name="start"),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/submit", unit_panel.submit, name="submit"),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/lab", unit_panel.lab_panel, name="lab-panel"),
    path("labs/sessions/<uuid:session_id>/", sessions.session, name="session"),
    path("labs/sessions/<uuid:session_id>/status", sessions.session_status, name="session-status"),
    path("labs/sessions/<uuid:session_id>/open", sessions.session_open, name="session-open"),
    path("labs/sessions/<uuid:session_id>/keep", sessions.session_keep, name="session-keep"),
    path("labs/sessions/<uuid:session_id>/restart", sessions.session_restart, name="session-restart"),
    path("labs/sessions/<uuid:session_id>/stop", sessions.session_stop, name="session-stop"),
    path("labs/servers/<slug:server_name>/", sessions.server, name="server"),
    path("labs/running/", running.running, name="running"),
    path("labs/submissions/<uuid:submission_id>/", submissions.submission, name="submission"),
    path(
        "labs/submissions/<uuid:submission_id>/status",
        submissions.submission_status,
        name="submission-status",
    ),
    path(
        "teach/<uuid:cohort_id>/labs/<slug:lab_slug>/",
        submissions.cohort_submissions,
        name="cohort-submissions",
    ),
]
