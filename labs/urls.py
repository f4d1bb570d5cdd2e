"""The pages of labs."""

from django.urls import path

from labs.views import (
    accounts,
    allocations,
    cohort_accounts,
    drafts,
    grading,
    history,
    partitions,
    regrading,
    running,
    sessions,
    submissions,
    unit_panel,
    uploads,
)

app_name = "labs"
urlpatterns = [
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/start", unit_panel.start, name="start"),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/submit", unit_panel.submit, name="submit"),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/check", unit_panel.check, name="check"),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/upload", uploads.upload, name="upload"),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/lab", unit_panel.lab_panel, name="lab-panel"),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/history/", history.history, name="history"),
    path(
        "learn/<uuid:cohort_id>/<slug:unit_slug>/history/reset", history.history_reset, name="history-reset"
    ),
    path("learn/<uuid:cohort_id>/<slug:unit_slug>/history/new-files", history.new_files, name="new-files"),
    path(
        "learn/<uuid:cohort_id>/<slug:unit_slug>/history/<uuid:snapshot_id>/",
        history.history_snapshot,
        name="history-snapshot",
    ),
    path(
        "learn/<uuid:cohort_id>/<slug:unit_slug>/history/<uuid:snapshot_id>/file",
        history.history_file,
        name="history-file",
    ),
    path(
        "learn/<uuid:cohort_id>/<slug:unit_slug>/history/<uuid:snapshot_id>/zip",
        history.history_zip,
        name="history-zip",
    ),
    path(
        "learn/<uuid:cohort_id>/<slug:unit_slug>/history/<uuid:snapshot_id>/restore",
        history.history_restore,
        name="history-restore",
    ),
    path("labs/sessions/<uuid:session_id>/", sessions.session, name="session"),
    path("labs/sessions/<uuid:session_id>/status", sessions.session_status, name="session-status"),
    path("labs/sessions/<uuid:session_id>/open", sessions.session_open, name="session-open"),
    path("labs/sessions/<uuid:session_id>/keep", sessions.session_keep, name="session-keep"),
    path("labs/sessions/<uuid:session_id>/restart", sessions.session_restart, name="session-restart"),
    path("labs/sessions/<uuid:session_id>/stop", sessions.session_stop, name="session-stop"),
    path("labs/sessions/<uuid:session_id>/move", sessions.session_move, name="session-move"),
    path("labs/servers/<slug:server_name>/", sessions.server, name="server"),
    path("labs/accounts/", accounts.accounts, name="accounts"),
    path("labs/accounts/<slug:factory_slug>/", accounts.account, name="account"),
    path("labs/accounts/<slug:factory_slug>/status", accounts.account_status, name="account-status"),
    path("labs/accounts/<slug:factory_slug>/name", accounts.account_name, name="account-name"),
    path("labs/accounts/<slug:factory_slug>/check", accounts.account_check, name="account-check"),
    path(
        "teach/<uuid:cohort_id>/accounts/<slug:factory_slug>/",
        cohort_accounts.cohort_accounts,
        name="cohort-accounts",
    ),
    path(
        "teach/<uuid:cohort_id>/accounts/<slug:factory_slug>/lacking.csv",
        cohort_accounts.cohort_accounts_csv,
        name="cohort-accounts-csv",
    ),
    path(
        "teach/<uuid:cohort_id>/accounts/<slug:factory_slug>/invite",
        cohort_accounts.cohort_invite,
        name="cohort-invite",
    ),
    path(
        "teach/<uuid:cohort_id>/accounts/<slug:factory_slug>/end",
        cohort_accounts.cohort_account_end,
        name="cohort-account-end",
    ),
    path("teach/<uuid:cohort_id>/allocations/", allocations.allocations, name="allocations"),
    path(
        "teach/<uuid:cohort_id>/allocations/<slug:factory_slug>/<str:partition_name>/",
        allocations.allocation,
        name="allocation",
    ),
    path(
        "teach/<uuid:cohort_id>/allocations/<slug:factory_slug>/<str:partition_name>/remove",
        allocations.allocation_remove,
        name="allocation-remove",
    ),
    path("labs/running/", running.running, name="running"),
    path("labs/submissions/<uuid:submission_id>/", submissions.submission, name="submission"),
    path(
        "labs/submissions/<uuid:submission_id>/status",
        submissions.submission_status,
        name="submission-status",
    ),
    path(
        "labs/submissions/<uuid:submission_id>/grade", submissions.submission_grade, name="submission-grade"
    ),
    path(
        "teach/<uuid:cohort_id>/labs/<slug:lab_slug>/",
        submissions.cohort_submissions,
        name="cohort-submissions",
    ),
    path("factories/<slug:factory>/gpus/", partitions.gpus, name="gpus"),
    path("factories/<slug:factory>/gpus/now", partitions.gpus_now, name="gpus-now"),
    path("factories/<slug:factory>/gpus/usage", partitions.gpus_usage, name="gpus-usage"),
    path("grading/", grading.grading, name="grading"),
    path("grading/now", grading.grading_now, name="grading-now"),
    path("grading/times", grading.grading_times, name="grading-times"),
    path("grading/<slug:course_slug>/<slug:lab_slug>/", grading.grading_lab, name="grading-lab"),
    path("grading/<slug:course_slug>/<slug:lab_slug>/pause", grading.grading_pause, name="grading-pause"),
    path("grading/<slug:course_slug>/<slug:lab_slug>/resume", grading.grading_resume, name="grading-resume"),
    path(
        "labs/submissions/<uuid:submission_id>/regrade",
        regrading.submission_regrade,
        name="submission-regrade",
    ),
    path("teach/<uuid:cohort_id>/labs/<slug:lab_slug>/regrade", regrading.lab_regrade, name="lab-regrade"),
    path(
        "teach/<uuid:cohort_id>/labs/<slug:lab_slug>/regrade/start",
        regrading.lab_regrade_start,
        name="lab-regrade-start",
    ),
    path("teach/<uuid:cohort_id>/labs/<slug:lab_slug>/source/", drafts.source, name="source"),
    path("teach/<uuid:cohort_id>/labs/<slug:lab_slug>/source/start", drafts.start, name="source-start"),
    path("teach/<uuid:cohort_id>/labs/<slug:lab_slug>/source/collect", drafts.collect, name="source-collect"),
    path("teach/<uuid:cohort_id>/labs/<slug:lab_slug>/source/reset", drafts.reset, name="source-reset"),
    path("teach/<uuid:cohort_id>/labs/<slug:lab_slug>/source/undo", drafts.undo, name="source-undo"),
    path("teach/drafts/<uuid:draft_id>/", drafts.draft, name="draft"),
    path("teach/drafts/<uuid:draft_id>/status", drafts.draft_status, name="draft-status"),
    path("teach/drafts/<uuid:draft_id>/release", drafts.draft_release, name="draft-release"),
    path("teach/drafts/<uuid:draft_id>/again", drafts.draft_again, name="draft-again"),
    path("teach/drafts/<uuid:draft_id>/discard", drafts.draft_discard, name="draft-discard"),
]
