"""The code by which somebody shows that a Unix account at a factory is theirs: only its owner can put it into its home.

It is no secret: whoever else knows it can do nothing with it, as it counts for one person and one name alone.
"""

from typing import Final

from django.utils.crypto import salted_hmac

from labs.models import FactoryAccount

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
LENGTH: Final = 12
GROUP: Final = 4


def make_code(account: FactoryAccount) -> str:
    """Always the same for one person, factory and name; 60 bits that nobody can guess."""
    bound = f"{account.public_id}:{account.user_id}:{account.hub_id}:{account.name}"
    digest = salted_hmac("labs.work.account_codes", bound, algorithm="sha256").digest()
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:LENGTH])
    return "-".join(letters[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def make_line(code: str) -> str:
    """What is to be typed on the supercomputer, in any shell: afterwards nobody else can write to the file.

    deploy/jupyterhub/slurm/node/job.py reads it.
    """
    return f"install -d -m 700 ~/.paja && echo {code} | install -m 600 /dev/stdin ~/.paja/code"
