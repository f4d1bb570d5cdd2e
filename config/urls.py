"""All addresses. Objects are named by slugs and UUIDs, never by row ids."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_GET
from drf_spectacular.views import SpectacularAPIView

from courses.views import signing_in

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
