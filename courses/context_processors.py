"""What the layout of every page needs to know about the person who looks at it."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from courses import access


def navigation(request: HttpRequest) -> dict[str, object]:
    """`nav`: which parts of the top bar a person sees."""
    return {"nav": SimpleLazyObject(lambda: access.navigation_for(request.user))}
