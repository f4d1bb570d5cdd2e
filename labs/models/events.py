"""The base of the event rows that `labs/transitions.py` writes, one for every move, never changed."""

from django.conf import settings
from django.db import models


class StatusEvent(models.Model):
    """One move of a state machine: who did it (None: Paja itself) and why."""

    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16)
    reason = models.CharField(max_length=64, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
