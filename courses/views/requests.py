"""What a view knows of its request once `login_required` has let it through."""

from django.http import HttpRequest

from courses.models import User


class SignedInRequest(HttpRequest):
    """A request of somebody who is signed in. Only for annotations."""

    user: User
