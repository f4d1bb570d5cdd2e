"""The part of /api/v1/ that labs serves."""

from django.urls import URLPattern

app_name = "labs-api"
urlpatterns: list[URLPattern] = []
