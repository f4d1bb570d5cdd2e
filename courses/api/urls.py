"""The part of /api/v1/ that courses serves."""

from django.urls import URLPattern

app_name = "courses-api"
urlpatterns: list[URLPattern] = []
