"""The key with which a person's own programs use the API."""

import hashlib

from django.db import transaction
from rest_framework.authtoken.models import Token

from courses.models import User


@transaction.atomic(durable=True)
def renew_token(user: User) -> str:
    """Make a new key; the one before stops working at once. Only its digest is kept, so it is told this once."""
    Token.objects.filter(user=user).delete()
    key: str = Token.generate_key()
    Token.objects.create(user=user, key=hash_key(key))
    return key


def hash_key(key: str) -> str:
    """What is kept of a key: as long as the column. A key is random, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()[:40]
