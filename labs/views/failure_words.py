"""Why sessions failed, in words for staff: the sentences of these reasons speak to the learner."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FAILURES: Final[Mapping[str, str | Promise]] = {
    "server_lost": _("The server ended by itself"),
    "server_did_not_start": _("The server did not start"),
    "spawn_rejected": _("The hub refused the start"),
    "files_not_delivered": _("The files could not be put in place"),
    "kept_too_long": _("The hub did not answer for twelve hours"),
    # how Slurm ended a job
    "job_time_over": _("The job’s time limit was reached"),
    "job_cancelled_by_site": _("The job was cancelled at the site"),
    "node_lost": _("The node failed"),
    "job_out_of_memory": _("The job needed more memory than its size has"),
    "job_preempted": _("The job was preempted"),
    "job_failed": _("The job ended with a fault"),
    # why a hub or its Slurm took no job
    "job_refused": _("The job was refused"),
    "job_refused_submit_refused": _("Slurm refused the job"),
    "job_refused_quota_exceeded": _("Slurm refused the job: a quota is used up"),
    "job_refused_too_many_jobs": _("Slurm refused the job: too many run or wait"),
    "job_refused_account_invalid": _("Slurm refused the job: the account cannot be used"),
    "job_refused_qos_invalid": _("Slurm refused the job: the QOS cannot be used"),
    "job_refused_partition_closed": _("Slurm refused the job: the partition is closed"),
    "job_refused_reservation_invalid": _("Slurm refused the job: the reservation cannot be used"),
    "job_refused_minutes_too_many": _("Slurm refused the job: longer than the partition allows"),
    "job_refused_nodes_unsuitable": _("Slurm refused the job: no node of the partition has what it asks for"),
    "job_refused_unix_account_refused": _("The Unix account may not run jobs"),
    "job_refused_unix_account_in_use": _("The Unix account was still in use by another learner"),
    "job_refused_partition_unknown": _("The partition is not in the factory’s file"),
    "job_refused_flavour_unknown": _("The size is not in the factory’s file"),
    "job_refused_account_unknown": _("The Slurm account is not in the factory’s file"),
    "job_refused_qos_unknown": _("The QOS is not in the factory’s file"),
    "job_refused_reservation_unknown": _("The reservation is not in the factory’s file"),
    "job_refused_option_unknown": _("The hub did not know an option of Paja’s"),
}
