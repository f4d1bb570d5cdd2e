"""One sentence for people for every `reason` slug: what happened, that the work is safe, what to do."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SENTENCES: Final[Mapping[str, str | Promise]] = {
    # sessions
    "requested": _("You asked for the lab."),
    "sent_again": _("The start was sent again, because no answer came."),
    "hub_asked": _("The factory was asked to start your server."),
    "files_in_place": _("Your files are in place."),
    "stop_requested": _("You stopped the lab."),
    "restart_requested": _("You asked for the lab to be started anew."),
    "kept_by_learner": _("You said that you are still working."),
    "withdrawn": _("You have left the cohort, so your lab was stopped. Your work was saved first."),
    "idle": _(
        "Nothing ran and nothing was saved in your lab for a long time, so it was stopped. Your work is kept: start the lab again to go on."
    ),
    "idle_warning": _(
        "Nothing has run or been saved in your lab for a while. It is stopped soon, unless somebody goes on working in it."
    ),
    "time_over": _(
        "The time of your session was over, so it was stopped. Your work is kept: start the lab again to go on."
    ),
    "time_left_15": _(
        "In a quarter of an hour the time of your session is over. It is stopped shortly before that, and your work is copied to Paja first."
    ),
    "time_left_5": _(
        "In five minutes the time of your session is over. It is stopped before that: save your notebook now, so that the newest is copied too."
    ),
    "kept_too_long": _(
        "The factory did not answer for twelve hours, so your start was given up. Nothing of your work is lost: start the lab again when the factory is back."
    ),
    "asked_again": _(
        "The factory’s service was started anew and had lost your start, so it was asked once more. You need not do anything."
    ),
    "queue_down": _(
        "Paja’s own queue does not answer at the moment. Your request is kept and goes on by itself: you need not press again."
    ),
    "hub_down": _(
        "The factory does not answer. Your start is kept and goes on by itself when the factory is back: you need not press again."
    ),
    "server_missed": _("Your server is not there. Paja asks the factory why."),
    "server_gone": _("Your server has ended."),
    "not_saved": _(
        "Your work could not be copied to Paja before your server ended. It is still at the factory: start the lab again to go on with it or to submit it."
    ),
    "spawn_rejected": _(
        "The factory refused to start your server. Nothing of your work is lost: try again in a few minutes, and tell your instructor if it happens again."
    ),
    "server_did_not_start": _(
        "Your server did not start. Nothing of your work is lost: start the lab again."
    ),
    "server_lost": _(
        "Your server ended by itself. Your work is kept as it was last saved: start the lab again to go on."
    ),
    "files_not_delivered": _(
        "Your server started, but the lab's files could not be put into it. Start the lab again; tell your instructor if it happens again."
    ),
    "hub_unavailable": _(
        "The factory does not answer at the moment. Paja keeps trying; you need not press again."
    ),
    "stop_takes_long": _(
        "The factory takes longer than usual to end your server. Paja keeps trying: you need not do anything."
    ),
    # jobs of a factory's Slurm that ended by themselves, or were never taken
    "job_time_over": _(
        "The time that Slurm gave your session was over. Your work is kept as it was last saved: start the lab again to go on, in a place of its own in the queue."
    ),
    "job_cancelled_by_site": _(
        "The factory’s staff ended your session. Your work is kept as it was last saved: start the lab again, and ask your instructor if it happens again."
    ),
    "node_lost": _(
        "The computer on which your lab ran failed at the factory. Your work is kept as it was last saved: start the lab again, and it goes to another one."
    ),
    "job_out_of_memory": _(
        "Your lab took more memory than its place has, so the factory ended it. Your work is kept as it was last saved: start the lab again, and load less at once or choose a larger place."
    ),
    "job_preempted": _(
        "Slurm gave your lab’s place to work that goes before it. Your work is kept as it was last saved: start the lab again, and it waits in the queue once more."
    ),
    "job_failed": _(
        "Your session ended with a fault at the factory. Your work is kept as it was last saved: start the lab again, and tell your instructor if it happens again."
    ),
    "job_refused": _(
        "The factory did not take your start. Your work is safe: choose another place or try again later, and tell your instructor if it happens again."
    ),
    "job_refused_submit_refused": _(
        "Slurm did not take your start. Your work is safe: choose another place or try again later, and tell your instructor if it happens again."
    ),
    "job_refused_quota_exceeded": _(
        "What your course may use at this factory is used up, so Slurm did not take your start. Your work is safe: choose another place, or ask your instructor."
    ),
    "job_refused_too_many_jobs": _(
        "As many labs of yours or of your course run or wait here as Slurm allows. Your work is safe: stop another lab, choose another place, or try again later."
    ),
    "job_refused_account_invalid": _(
        "Slurm does not know your course’s project for your account. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_qos_invalid": _(
        "Slurm does not let your course use this quality of service. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_partition_closed": _(
        "This partition takes nothing at the moment. Your work is safe: choose another place, or try again later."
    ),
    "job_refused_reservation_invalid": _(
        "The GPUs that were reserved for your cohort cannot be used: the reservation has ended, or is for others. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_minutes_too_many": _(
        "This lab asks for longer sessions than this partition allows. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_nodes_unsuitable": _(
        "No computer of this partition has what your lab asks for. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_unix_account_refused": _(
        "The factory does not let your account there run anything. Your work is safe: look at your account’s page, or tell your instructor."
    ),
    "job_refused_unix_account_in_use": _(
        "The account that your lab was to run with is still in use by somebody else’s. Your work is safe: start the lab again in a minute."
    ),
    "job_refused_partition_unknown": _(
        "The factory has no such partition any more. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_flavour_unknown": _(
        "The factory offers sessions of this size no more. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_account_unknown": _(
        "The factory’s list has no such project as your course’s. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_qos_unknown": _(
        "The factory’s list has no such quality of service as your course’s. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_reservation_unknown": _(
        "The factory’s list has no such reservation as your cohort’s. Your work is safe: choose another place, and tell your instructor."
    ),
    "job_refused_option_unknown": _(
        "Paja and the factory do not understand each other: the fault is ours. Your work is safe: tell your instructor."
    ),
    # workspaces: what cannot be copied, and what became of files at a start
    "unsaved_too_large": _(
        "The lab’s folder holds more than 50 MB, so Paja cannot copy it. What you saved before is safe in the history, and everything is still on the factory’s disk. Delete large files that the lab did not ask for: copying then goes on by itself."
    ),
    "unsaved_too_many_files": _(
        "The lab’s folder holds more than 200 files and folders, so Paja cannot copy it. What you saved before is safe in the history, and everything is still on the factory’s disk. Delete files that the lab did not ask for: copying then goes on by itself."
    ),
    "unsaved_too_deep": _(
        "Folders in the lab’s folder lie more than 5 deep in each other, so Paja cannot copy it. What you saved before is safe in the history, and everything is still on the factory’s disk. Delete the deepest folders or move them up: copying then goes on by itself."
    ),
    "unsaved_name": _(
        "A file or folder has a name that Paja cannot keep: it holds a backslash, a line break or another invisible character. All other files are copied. Rename it, and it is copied too."
    ),
    "unsaved_silent": _(
        "Your server does not answer Paja, so your newest work cannot be copied. What you saved before is safe in the history. If a long calculation runs, this may pass; otherwise save your work and restart the lab."
    ),
    "unsaved_unreadable": _(
        "A file in the lab’s folder cannot be read, so it is not copied. All other files are. Look at its permissions, or delete it."
    ),
    "work_found": _(
        "The factory’s disk held work that Paja did not have yet. It was kept in the history before anything else was done."
    ),
    "disk_not_copied": _(
        "What is in the lab’s folder at this factory could not be copied, so nothing in it was replaced or deleted: only files that were missing were added. Other versions of your work are in the history."
    ),
    "file_left_out": _(
        "A file could not be put in its place, because a folder of yours has its name, or a file of yours that of its folder. Yours stays; the other one is in the history."
    ),
    "restore_requested": _("You restored another version of your work. The lab starts again with it."),
    "reset_requested": _("You reset the lab. It starts again with fresh files."),
    "new_files_wanted": _("You asked for the lab’s new files to be put beside yours."),
    "new_files_placed": _("The lab’s new files were put beside yours."),
    "new_files_dismissed": _("You chose to go on without the lab’s new files."),
    # refusals
    "cohort_over": _("This cohort has ended, so its labs cannot be started any more."),
    "cohort_not_begun": _("This cohort has not begun yet: its labs can be started from its first day on."),
    "learner_limit": _(
        "You have as many labs running at this factory as one person may. Stop one of them, which saves its work, and press again."
    ),
    "factory_full": _(
        "All places for labs at this factory are taken at the moment. Nothing of your work is lost: try again in a few minutes."
    ),
    "lab_full": _(
        "As many people work in this lab as it has places for. Nothing of your work is lost: try again in a few minutes, or ask your instructor."
    ),
    "no_hub": _("This factory has no lab service yet. Tell your instructor."),
    # places on a factory's GPUs that cannot be chosen
    "no_place_for_lab": _(
        "Your cohort has no place at a factory that is large enough for this lab. Your work is safe: tell your instructor."
    ),
    "partition_down": _(
        "The factory starts nothing in this partition at the moment. Your work is safe: choose another place, or try again later."
    ),
    "gpu_hours_used_up": _(
        "The GPU-hours that your cohort was granted here are used up. Your work is safe: choose another place, or ask your instructor."
    ),
    "own_account_missing": _(
        "You need an account of your own at this factory, and Paja knows of none yet. Your account’s page says what to do."
    ),
    "own_account_not_verified": _(
        "Your own account at this factory has not been tried out yet. Its page has a button that does so."
    ),
    "own_account_expired": _(
        "Your own account at this factory has expired. Your work is kept in Paja: ask your instructor for a new invitation."
    ),
    "pool_empty": _(
        "All training accounts of this factory are in use at the moment. Nothing of your work is lost: try again in a few minutes, or choose another place."
    ),
    "maintenance": _(
        "The factory is being maintained, or will be before your session could end. Your work is safe: choose another place, or start when it is over."
    ),
    "reservation_not_open": _(
        "The GPUs that are reserved for your cohort are not open yet. Start the lab when they are."
    ),
    "reservation_over": _(
        "The time for which GPUs were reserved for your cohort is over. Your work is safe: choose another place, or ask your instructor."
    ),
    "place_too_short": _("Sessions here are shorter than this lab needs. Choose another place."),
    "nothing_to_submit": _("There is nothing to submit yet: start the lab and work on its notebook first."),
    "nothing_to_reset": _("There is nothing to reset yet: start the lab first."),
    "no_attempts_left": _(
        "You have used all attempts that this lab allows. Your work stays saved, and the best attempt counts."
    ),
    "too_soon": _(
        "This lab asks for a pause between two attempts. Your work is safe: the lab’s page says from when on you can submit again."
    ),
    "being_collected": _(
        "Your work is being collected at this moment, and one attempt is taken at a time. Wait until its mark is there, and send the file again."
    ),
    "nothing_to_check": _(
        "This lab shows no tests that could be run before you submit. Submit your work to have it graded."
    ),
    "checks_too_many": _(
        "You have checked your work very often within an hour. Your work is safe: wait some minutes, or submit it."
    ),
    # notebook files from a person's own computer
    "upload_empty": _("Choose a notebook file first. A file without content cannot be submitted."),
    "upload_too_many": _(
        "These are more files than the lab has notebooks. Choose only the notebooks: the lab’s other files are there already."
    ),
    "upload_too_large": _(
        "The file is too large to be submitted. Clear the outputs of the notebook in JupyterLab, save it, and send it again."
    ),
    "upload_not_a_notebook": _(
        "This file is not a notebook that can be read. Save the notebook again as an .ipynb file, and send that."
    ),
    "notebook_not_known": _(
        "This is not a notebook of this lab. Give it the name that the lab has for it, and send it again."
    ),
    "notebook_twice": _(
        "Two of these files are the same notebook of the lab. Choose one of them, and send it again."
    ),
    # submissions
    "collected": _("Your work was collected and stored."),
    "same_as_before": _(
        "Your work is exactly what you submitted before, so that attempt and its mark stand."
    ),
    "same_waits": _(
        "Nothing has changed since you last pressed, so what you handed in then kept its place in the queue. Nothing is lost: you need not press again."
    ),
    "same_check": _("Your work is exactly what you had checked before, so what came out then stands."),
    "not_collected": _(
        "Your work could not be collected from your server. It is still there: try again. If that does not help, stop the lab, which saves it, and try again then."
    ),
    "server_ended": _(
        "Your server ended before your work was collected. The work is still at the factory: start the lab again, and press again then."
    ),
    "file_name_refused": _(
        "A file in the lab's folder has a name that cannot be stored: it holds a backslash, a line break or another invisible character. Rename or delete it, and press again."
    ),
    "workspace_too_large": _(
        "The lab's folder holds more than can be submitted. Delete files that the lab did not ask for, and press again."
    ),
    "notebook_missing": _(
        "The lab's notebook is not where it was put. Give it its first name again, or stop the lab and start it anew to get a fresh copy, and press again."
    ),
    # gradings
    "queued": _("Your work waits to be graded."),
    "graded": _("Your work was graded."),
    "regrade": _("The team had your work graded again."),
    "release_renewed": _("Your work is graded by the release of the lab that your cohort has now."),
    "replaced": _(
        "You handed in newer work before this attempt was graded. The newer one took over its place in the queue, and this one costs you no attempt: it is kept, and you need not do anything."
    ),
    "worker_lost": _(
        "The run of your work was cut off by a fault on our side and begins anew. You need not do anything."
    ),
    "box_unavailable": _(
        "Grading is not possible at the moment: this is our fault, and staff can see it. Your work is safe and waits for its turn."
    ),
    "grading_failed": _(
        "Your work could not be graded: this is our fault, not yours, and costs you no attempt. Your submission is safe and your instructor sees it too. Submit again to have it graded anew."
    ),
    "check_failed": _(
        "Your work could not be checked: this is our fault, not yours. Your work is safe: check it again, or submit it."
    ),
    # graders: servers of a factory that grade what needs a GPU
    "runs_wait": _("Work waits that needs a GPU to be graded."),
    "grader_ready": _("The factory’s grader is ready."),
    "grader_idle": _("Nothing needed the factory’s grader for a while, so it was stopped."),
    "grader_not_started": _(
        "The factory could not start its grader. This is not your fault: Paja tries again by itself, and your work is safe."
    ),
    "grader_lost": _(
        "The factory’s grader ended in the middle of its work. Another one is started by itself: your work is safe and is graded anew."
    ),
    # own accounts at a factory
    "account_invited": _("You were invited to an account at the factory."),
    "account_renewed": _("The factory prolonged your account."),
    "account_invitation_sent": _("You were told by e-mail what to do."),
    "account_warning_sent": _("You were told by e-mail that your account ends soon."),
    "account_letter_failed": _(
        "The e-mail to you could not be sent. Everything that it says stands on this page."
    ),
    "account_name_told": _("You told your user name."),
    "account_check_requested": _("You asked to have your account tried out."),
    "account_check_asked": _("The factory was asked to run a job of one minute with it."),
    "account_verified": _("The job ran with your account: labs can start with it."),
    "account_expired": _(
        "Your account at the factory has ended, so labs cannot start with it. Your work stays in Paja: ask your instructor to have you invited again."
    ),
    "account_ended": _(
        "The factory’s staff have ended your account, so labs cannot start with it. Your work stays in Paja: ask your instructor what comes next."
    ),
    "account_name_wrong": _(
        "This is not a user name as the factory has them. It begins with a small letter and has no spaces, often like “kvirtane”: it is not your e-mail address."
    ),
    "account_name_taken": _(
        "This user name cannot be yours: Paja knows it already. Look whether you typed it right; if it is yours, tell your instructor."
    ),
    "account_named": _("The factory told Paja which user name is yours."),
    "account_name_fixed": _(
        "The factory told Paja that you have another user name there, so this one is not tried out. If that is wrong, tell your instructor."
    ),
    "account_name_proved": _(
        "Your account is ready with another user name. If you have a new one at the factory, tell your instructor: the factory then gives it to Paja."
    ),
    "account_code_missing": _(
        "The job ran, and found no code in the account’s home folder. Type the line below on the supercomputer, signed in with this user name, and try again."
    ),
    "account_code_wrong": _(
        "The job ran, and what it found in the account’s home folder is not your code, or somebody else may have written it. Type the line below once more on the supercomputer, signed in with this user name, and try again."
    ),
    "account_checks_too_many": _(
        "You have had your account tried out several times within an hour. Nothing is lost: try again in an hour, and tell your instructor if it does not work then."
    ),
    "account_name_refused": _(
        "The factory does not let jobs run with this user name. Look whether you typed it right. Right after you accepted the invitation it may take some hours until it works: try it again then."
    ),
    "account_not_in_project": _(
        "The factory does not know you as a member of the course’s project yet. Accept the invitation that it sent you by e-mail, and try again some hours later."
    ),
    "account_in_use": _(
        "Something of yours runs with this account at this moment, so it could not be tried out. Try again when it has ended."
    ),
    "account_check_failed": _(
        "The job ended without saying that it ran with your account. Look whether you typed the user name right, and try again; tell your instructor if it happens again."
    ),
    "account_check_refused": _(
        "The factory refused to try this user name out. Look whether you typed it right, and try again; tell your instructor if it happens again."
    ),
    "account_check_not_possible": _(
        "The factory takes no job of this kind at the moment, so your account could not be tried out. This is not your fault: try again later."
    ),
    "account_check_nowhere": _(
        "The factory does not say yet where your cohort may run jobs, so your account could not be tried out. Your user name is kept: try again later."
    ),
    "account_check_silent": _(
        "The factory did not come to the job within a day, so it was taken back. This is not your fault: try again."
    ),
    "account_check_runs": _("Your account is being tried out at this moment. You need not press again."),
    "account_not_invited": _(
        "You are not invited to an account at this factory at the moment. Ask your instructor to have you invited."
    ),
    # what cohorts may use
    "allocation_changed": _(
        "Somebody else has changed what the cohort may use of this partition in the meantime, so nothing was saved. What stands now is shown below."
    ),
    "planned_without_accounts": _("Planned although learners had no verified account for all of the time."),
    # drafts of a lab's source
    "draft_requested": _("You asked for the source to be brought back."),
    "draft_collected": _("The files were fetched and stored."),
    "draft_again": _("The files of an earlier draft are taken once more."),
    "draft_sound": _("The check found nothing wrong."),
    "draft_problems": _(
        "The check found something wrong. Mend it in your session and bring the source back again."
    ),
    "draft_release_requested": _("You asked for the draft to be released."),
    "draft_released": _("The draft was released to the cohort."),
    "draft_discarded": _("The draft was discarded. The files in your session are as they were."),
    "same_draft": _("These files were brought back already: that draft stands."),
    "nothing_to_collect": _(
        "There is nothing to bring back yet: open the source in a session and change it first."
    ),
    "draft_unchanged": _(
        "The source says the same as the release that the cohort has, so there is nothing to check or to release. If you have just changed something, save it in JupyterLab and bring the source back again."
    ),
    "draft_empty": _(
        "The lab’s folder is empty, so there is nothing to check. The release that the cohort has is untouched."
    ),
    "draft_too_large": _(
        "The lab’s folder holds more than a lab may: 200 files or 50 MB in all, five folders deep. Delete what does not belong to the lab, and bring the source back again."
    ),
    "draft_file_name": _(
        "A file or folder has a name that Paja cannot keep: it holds a backslash, a line break or another invisible character. Rename or delete it, and bring the source back again."
    ),
    "draft_not_collected": _(
        "The files could not be fetched from your session. They are still there: try again, or stop the session, which saves them, and bring the source back then."
    ),
    "draft_server_ended": _(
        "Your session ended before the files were fetched. They are still at the factory: open the source again, and bring it back then."
    ),
    "draft_waits": _(
        "The check cannot run at the moment: this is our fault, and staff can see it. The files are safe and will be checked."
    ),
    "draft_not_checked": _(
        "The check was cut off several times. The files are safe and nothing was released. Check them again; if that fails too, a cell of the lab may take all the memory or time there is."
    ),
    "draft_not_released": _(
        "The release failed: this is our fault. The draft is safe, and the cohort has the release that it had."
    ),
    "cohort_moved": _(
        "The cohort has gone over to another release since this draft was compared with it, so releasing it could undo what somebody else changed. Compare it with the release that the cohort has now, and release it then."
    ),
    "lab_gone": _(
        "The release that the cohort has now has no such lab any more, so this draft cannot be released to it."
    ),
    "draft_not_releasable": _("This draft cannot be released as it is. Its page says why."),
    "move_undone": _("The cohort was put back on the release before."),
    "move_not_newest": _(
        "The cohort has gone over to another release since, so this step cannot be taken back any more."
    ),
    # grading once more
    "being_graded": _(
        "This attempt is being graded or waits for it already. Nothing was lost: what comes out appears by itself."
    ),
    "not_regradable": _(
        "The release that the cohort has now has nothing to grade this attempt by, so its mark stays as it is."
    ),
    # grading by hand
    "graded_by_hand": _("A person gave the points."),
    "carried_over": _("A person gave these points before the work was graded again, and they stay."),
    "scores_changed": _(
        "Somebody else has changed points of these cells in the meantime, so nothing was saved. What they saved stands beside what you entered: look at it, and save again."
    ),
    # whatever else
    "refused": _("This is not possible at the moment."),
    "unexpected": _("Something unexpected went wrong on our side. Your work is safe."),
}


def sentence_for(reason: str) -> str:
    """The sentence of a slug in the active language; an unknown slug gets the general one, never an empty string.

    A slug may carry a detail after a dot, which is for our own code: `new_files_placed.3`.
    """
    return str(SENTENCES.get(reason.partition(".")[0], SENTENCES["unexpected"]))
