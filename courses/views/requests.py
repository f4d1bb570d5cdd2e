"""What a view knows of its request once `login_required` or `press_requires_login` has let it through."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_POST

from courses.models import User


class SignedInRequest(HttpRequest):
    """A request of somebody who is signed in. Only for annotations."""

    user: User


def press_requires_login(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """For views of a button (POST): a log-in leads back to the page that had the button, not to a POST."""

    @wraps(view)
    def check_login(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return require_POST(view)(request, *args, **kwargs)
        page = urlsplit(request.headers.get("Referer", ""))
        return redirect_to_login(page.path if page.netloc == request.get_host() else "/")

    return check_login
