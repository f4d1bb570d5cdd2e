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
    "no_hub": _("This factory has no lab service yet. Tell your instructor."),
    "nothing_to_submit": _("There is nothing to submit yet: start the lab and work on its notebook first."),
    "attempts_waiting": _(
        "Your last attempts still wait to be graded. Your work is safe: submit again when the next mark is there."
    ),
    # submissions
    "collected": _("Your work was collected and stored."),
    "same_as_before": _(
        "Your work is exactly what you submitted before, so that attempt and its mark stand."
    ),
    "not_collected": _(
        "Your work could not be collected from your server. It is still there: press Submit again. If that does not help, stop the lab, which saves it, and submit then."
    ),
    "server_ended": _(
        "Your server ended before your work was collected. The work is still at the factory: start the lab again, and submit then."
    ),
    "file_name_refused": _(
        "A file in the lab's folder has a name that cannot be stored: it holds a backslash, a line break or another invisible character. Rename or delete it, and submit again."
    ),
    "workspace_too_large": _(
        "The lab's folder holds more than can be submitted. Delete files that the lab did not ask for, and submit again."
    ),
    "notebook_missing": _(
        "The lab's notebook is not where it was put. Give it its first name again, or stop the lab and start it anew to get a fresh copy, and submit again."
    ),
    # gradings
    "queued": _("Your work waits to be graded."),
    "graded": _("Your work was graded."),
    "worker_lost": _(
        "The grading was cut off by a fault on our side and begins anew. You need not do anything."
    ),
    "box_unavailable": _(
        "Grading is not possible at the moment: this is our fault, and staff can see it. Your submission is safe and will be graded."
    ),
    "grading_failed": _(
        "Your work could not be graded: this is our fault, not yours, and costs you no attempt. Your submission is safe and your instructor sees it too. Submit again to have it graded anew."
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
