"""What Slurm's complaint about a submission means: a reason for people, or no answer at all."""

import re

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError, SubmitRefusedError

MESSAGE_MAX = 500

# slurm_errno.c's words, and sbatch's own. The controller did not decide: there may be a job or there may be none.
NO_ANSWER = re.compile(
    r"unable to contact slurm controller|socket timed out|zero bytes were transmitted|connection refused|"
    r"connection timed out|unable to connect|communication (?:shutdown|connection) failure|"
    r"resource temporarily unavailable|temporarily unable to accept job|standby mode|munge encode failed|"
    r"protocol authentication error|unexpected message received|incompatible versions|transport endpoint|"
    r"unable to resolve|could not establish a configuration source|network is unreachable|no route to host|"
    r"controller (?:is )?not responding|unable to allocate resources: (?:slurm )?controller",
    re.IGNORECASE,
)

# The first that is found counts: a limit's own name stands before the general sentence about policies.
REFUSALS = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"(?:Assoc|QOS)(?:Max|Grp)?\w*Submit\w*Limit|QOSMaxSubmit\w*|job submit limit\)", "too_many_jobs"),
        (
            r"(?:Assoc|QOS)\w*Wall\w*|time limit (?:is )?invalid|exceeds (?:the )?time limit",
            "minutes_too_many",
        ),
        (r"invalid --time specification|requested time limit", "minutes_too_many"),
        (
            r"(?:Assoc|QOS)Grp\w*Minutes\w*|(?:Assoc|QOS)Grp\w*|GrpTRESMins|out of budget|quota",
            "quota_exceeded",
        ),
        (r"(?:Assoc|QOS)Max\w*(?:Limit|PerJob|PerUser|PerAccount|PerNode)\w*", "quota_exceeded"),
        (r"invalid account|account/partition combination|account is (?:closed|invalid)", "account_invalid"),
        (r"invalid qos|qos not permitted", "qos_invalid"),
        (r"reservation", "reservation_invalid"),
        (r"invalid partition|partition not available|partition configuration", "partition_closed"),
        (
            r"required partition|group not permitted to use this partition|partition.*drain",
            "partition_closed",
        ),
        (r"node configuration is not available|generic resource|\bgres\b", "nodes_unsuitable"),
        (r"memory specification|cpu count|node count specification|more processors", "nodes_unsuitable"),
        (r"accounting/QOS policy", "quota_exceeded"),
        (r"^sudo:|invalid user|user not found|user does not exist", "unix_account_refused"),
    )
)


def refusal_of(message: str) -> SchedulerUnavailableError | SubmitRefusedError:
    """The error to raise for Slurm's message; an empty one is no answer."""
    text = "; ".join(line.strip() for line in message.splitlines() if line.strip())[:MESSAGE_MAX]
    if not text or NO_ANSWER.search(message):
        return SchedulerUnavailableError(text or "no word of Slurm's")
    for pattern, reason in REFUSALS:
        if pattern.search(message):
            return SubmitRefusedError(text, reason=reason)
    return SubmitRefusedError(text, reason="submit_refused")
