"""The key with which a person's own programs use the API."""

from django.db import transaction
from rest_framework.authtoken.models import Token

from courses.models import User


@transaction.atomic(durable=True)
def renew_token(user: User) -> str:
    """Make a new key; the one before stops working at once."""
    Token.objects.filter(user=user).delete()
    return str(Token.objects.create(user=user).key)
