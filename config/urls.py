"""All addresses. Objects are named by slugs and UUIDs, never by row ids."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_GET
from drf_spectacular.views import SpectacularAPIView

from courses.views import signing_in

# Its own form would count no failed attempts.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("accounts/login/", signing_in.log_in, name="account_login"),
    path("accounts/signup/", signing_in.sign_up, name="account_signup"),
    path("accounts/", include("allauth.account.urls")),
    path("", include("allauth.idp.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/schema", require_GET(SpectacularAPIView.as_view()), name="api-schema"),
    path("api/v1/", include("courses.api.urls")),
    path("api/v1/", include("labs.api.urls")),
    path("", include("courses.urls")),
    path("", include("labs.urls")),
]
