"""Every answer to a browser is counted: by whom it was asked, its status, how long it took."""

import re
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass

import httpx

NO_ANSWER = "no answer"
CUT = "asked again"
NAMES = re.compile(r"\b[ps]-[0-9a-f]{8}\b|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    """`status` is a number, or NO_ANSWER with what was met."""

    at: float
    site: str
    what: str
    status: str
    seconds: float

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        return f"{clock} {self.what}: {self.status} after {self.seconds:.2f} s"


class Answers:
    """What Paja's pages and the factories answered to all browsers together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.longest: dict[str, Answer] = {}
        self.seconds: dict[str, deque[float]] = {}
        self.kinds: dict[str, list[float]] = {}
        self.faults: list[Answer] = []
        self.refused: Counter[str] = Counter()

    def note(self, answer: Answer) -> None:
        with self._lock:
            self.counts[answer.site, answer.status] += 1
            self.seconds.setdefault(answer.site, deque(maxlen=100_000)).append(answer.seconds)
            if answer.site == "paja":
                self.kinds.setdefault(NAMES.sub("…", answer.what), []).append(answer.seconds)
            longest = self.longest.get(answer.site)
            if longest is None or answer.seconds > longest.seconds:
                self.longest[answer.site] = answer
            if answer.site == "paja" and (answer.status == NO_ANSWER or answer.status.startswith("5")):
                self.faults.append(answer)
            if answer.status == NO_ANSWER or answer.status >= "4":
                self.refused[f"{answer.status} {NAMES.sub('…', answer.what)}"] += 1


class CountingTransport(httpx.HTTPTransport):
    """As browsers do, every name below localhost is this machine; each answer is noted under its site."""

    def __init__(self, sites: dict[int, str], answers: Answers) -> None:
        # A server closes what was idle for two seconds. A browser that meets this at work asks again by itself.
        super().__init__(limits=httpx.Limits(keepalive_expiry=1.0))
        self._sites = sites
        self._answers = answers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.ask(request)

    def ask(self, request: httpx.Request, *, is_second: bool = False) -> httpx.Response:
        url = request.url.copy_with(host="127.0.0.1")
        inner = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        site = self._sites.get(request.url.port or 80, "elsewhere")
        what = f"{request.method} {request.url.host}{request.url.path}"
        began, started = time.time(), time.monotonic()
        try:
            response = super().handle_request(inner)
        except httpx.TransportError as error:
            # A browser asks once more where the server closed the connection that it kept.
            is_cut = request.method == "GET" and isinstance(error, httpx.ReadError) and not is_second
            seconds = time.monotonic() - started
            what = f"{what} ({type(error).__name__})"
            self._answers.note(Answer(began, site, what, CUT if is_cut else NO_ANSWER, seconds))
            if is_cut:
                return self.ask(request, is_second=True)
            raise
        seconds = time.monotonic() - started
        self._answers.note(Answer(began, site, what, str(response.status_code), seconds))
        return response
