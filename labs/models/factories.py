"""The world that sessions run in: the hubs of the factories."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db import models
from django.utils import timezone

from courses.models import Factory

ANSWERS_WITHIN: Final = timedelta(seconds=20)


class Hub(models.Model):
    """A factory's JupyterHub. Its service token is in `settings.HUB_TOKENS` under the factory's slug.

    `sweep_claimed_at`: a lease, so that sweeps do not pile up before a hub that is slow to answer.
    `down_since`: while it does not answer; then nobody but one sweep asks it anything, not before `probe_at`.
    `has_slurm`: its sessions are jobs, as it said when `queue_read_at` was; `slurm_answered_at` is when Slurm last
    answered the hub. Of jobs that ended before `jobs_read_until` everything is known.
    """

    factory = models.OneToOneField(Factory, on_delete=models.CASCADE, related_name="hub")
    api_url = models.URLField(
        help_text="Where workers reach its REST API, e.g. http://127.0.0.1:8010/hub/api"
    )
    public_url = models.URLField(
        help_text="Its origin in a browser; a learner's server is a subdomain of it."
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    sweep_claimed_at = models.DateTimeField(null=True, editable=False)
    down_since = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, editable=False)
    sessions_max = models.PositiveIntegerField(default=200, help_text="Sessions at once, of everybody.")
    sessions_per_learner = models.PositiveIntegerField(
        default=3, help_text="Sessions at once, of one person."
    )
    idle_minutes = models.PositiveIntegerField(
        default=60,
        help_text="A session in which nothing runs and nothing is written is stopped after so many minutes.",
    )
    minutes_max = models.PositiveIntegerField(
        default=480, help_text="The longest session, whatever a lab asks for."
    )
    is_development = models.BooleanField(
        default=False, help_text="Sessions are local processes without a GPU."
    )
    has_slurm = models.BooleanField(default=False, editable=False)
    slurm_answered_at = models.DateTimeField(null=True, editable=False)
    queue_read_at = models.DateTimeField(null=True, editable=False)
    jobs_read_until = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return self.public_url

    def is_answering(self, now: datetime) -> bool:
        """Whether a sweep, which comes every few seconds, had an answer lately."""
        return self.answered_at is not None and now - self.answered_at < ANSWERS_WITHIN

    @property
    def host(self) -> str:
        """Host and port as a browser names them: server-side calls send it as the Host header."""
        return urlsplit(self.public_url).netloc

    @property
    def server_side_origin(self) -> str:
        parts = urlsplit(self.api_url)
        return f"{parts.scheme}://{parts.netloc}"

    def host_of(self, hub_name: str) -> str:
        return f"{hub_name}.{self.host}"

    def url_of(self, hub_name: str, path: str) -> str:
        """The address in a browser of `path` (absolute) on a learner's own origin."""
        return f"{urlsplit(self.public_url).scheme}://{self.host_of(hub_name)}{path}"

    def open_url(self, path: str) -> str:
        """The hub's address that opens `path` on the origin of the person whom it names.

        The hub looks first whose log-in the browser holds, and has that person log in anew where it is another's.
        """
        return f"{self.public_url.rstrip('/')}/hub/open?{urlencode({'next': path})}"


class HubOutage(models.Model):
    """A time in which a hub did not answer; `reason` is a slug of labs/reasons.py."""

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="outages")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    reason = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-began_at"]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M} to {self.ended_at:%H:%M}"


class SignOut(models.Model):
    """A log-out of Paja that a hub has not confirmed yet."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_outs")
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="sign_outs")
    requested_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "hub"], name="one_sign_out_per_user_and_hub")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.hub_id}"
