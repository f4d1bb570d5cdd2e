"""A person's browser without a screen: pages of Paja that ask for themselves again, and a JupyterLab left open."""

import contextlib
import re
import time
import uuid
from collections.abc import Mapping
from html import unescape
from urllib.parse import quote, urlsplit

import httpx
import websocket

from deploy.development.place import Place
from tests.soak.answers import Answers, CountingTransport

POLLED = re.compile(r'hx-get="([^"]+)"[^>]*?hx-trigger="([^"]*)"')
EVERY = re.compile(r"\bevery ([\d.]+)(m?s)")
FORM = re.compile(r'<form[^>]*\saction="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
STOP_POLLING = 286
SECONDS = 60.0
LOG_INS = 3

Form = tuple[str, dict[str, str]]
"""Its address and its hidden fields."""


class Page:
    """A page of Paja in a tab; what htmx would ask for by itself is asked for in `keep_up`."""

    def __init__(self, browser: "Browser", response: httpx.Response) -> None:
        self._browser = browser
        self.path = response.url.path
        self._texts = {"": response.text}
        self._polls: dict[str, tuple[str, float, float]] = {}
        self._learn(response.text)

    def _learn(self, html: str) -> None:
        """Note which fragments ask for themselves, and how often."""
        for address, trigger in POLLED.findall(html):
            if every := EVERY.search(trigger):
                seconds = float(every[1]) / (1000 if every[2] == "ms" else 1)
                url = unescape(address)
                self._polls[url.partition("?")[0]] = (url, seconds, time.monotonic() + seconds)

    def keep_up(self) -> None:
        """Ask for every fragment that is due."""
        for place, (url, seconds, due) in list(self._polls.items()):
            if time.monotonic() < due:
                continue
            self._polls[place] = (url, seconds, time.monotonic() + seconds)
            response = self._browser.get(url, headers={"HX-Request": "true"})
            if response is None or response.status_code not in {200, STOP_POLLING}:
                continue
            del self._polls[place]
            self._texts[place] = response.text
            if response.status_code == 200:
                self._learn(response.text)

    def text_of(self, place: str) -> str:
        """What the fragment of that address shows now."""
        return self._texts.get(place, self._texts[""])

    @property
    def texts(self) -> list[str]:
        """The page as it came, and its fragments as they are now."""
        return list(self._texts.values())

    def is_polling(self, place: str) -> bool:
        return place in self._polls

    def find_form(self, ending: str, place: str = "") -> "Form | None":
        """The form whose address ends so, in a fragment or on the page."""
        for address, inside in FORM.findall(self.text_of(place)):
            if unescape(address).endswith(ending):
                return unescape(address), dict(HIDDEN.findall(inside))
        return None


class Browser:
    """Cookies for Paja and the factories, as one person has them."""

    def __init__(self, place: Place, answers: Answers) -> None:
        self.place = place
        sites = {place.port: "paja", **{hub.port: "factory" for hub in place.hubs}}
        self.client = httpx.Client(
            base_url=place.origin,
            transport=CountingTransport(sites, answers),
            follow_redirects=True,
            timeout=SECONDS,
        )

    def get(self, url: str, headers: dict[str, str] | None = None) -> httpx.Response | None:
        """The answer; None where there was none, which is counted."""
        try:
            return self.client.get(url, headers=headers)
        except httpx.TransportError:
            return None

    def open_page(self, url: str) -> Page | None:
        response = self.get(url)
        return Page(self, response) if response is not None and response.status_code == 200 else None

    def press(self, form: Form) -> Page | None:
        """Send a form; the page that it leads to."""
        address, fields = form
        token = self.client.cookies.get("paja_csrf") or ""
        try:
            response = self.client.post(address, data={**fields, "csrfmiddlewaretoken": token})
        except httpx.TransportError:
            return None
        return Page(self, response) if response.status_code == 200 else None

    def log_in(self, email: str, password: str) -> None:
        for _attempt in range(LOG_INS):
            if self.get("/accounts/login/") is not None:
                self.press(("/accounts/login/", {"login": email, "password": password}))
            if "paja_session" in self.client.cookies:
                return
        raise AssertionError(f"{email} could not log in")


class Lab:
    """JupyterLab in a tab: its usual requests, its files, one WebSocket that is opened again when it is cut."""

    def __init__(self, browser: Browser, url: str) -> None:
        """`url`: the lab's address on the learner's own origin, where the browser is signed in already."""
        self._browser = browser
        self._url = url
        parts = urlsplit(url)
        self.path = "/".join(parts.path.split("/")[:4]) + "/"
        self.server = parts.path.split("/")[3]
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._socket: websocket.WebSocket | None = None
        self._kernel = ""
        self.cuts = 0

    def sign_in_again(self) -> None:
        self._browser.get(self._url)

    def ask(self, path: str) -> httpx.Response | None:
        """What the tab asks for by itself. JupyterLab never follows such an answer elsewhere."""
        return self._send("GET", path)

    def read_file(self, path: str) -> str | None:
        """The text of a file; None when it is not there; ConnectionError when the server does not say."""
        response = self._send("GET", f"api/contents/{quote(path)}?content=1")
        if response is None or response.status_code not in {200, 404}:
            raise ConnectionError(path)
        return str(response.json()["content"]) if response.status_code == 200 else None

    def write_file(self, path: str, text: str) -> int:
        """The status of the answer; 0 for none."""
        body = {"type": "file", "format": "text", "content": text}
        response = self._send("PUT", f"api/contents/{quote(path)}", body)
        return response.status_code if response is not None else 0

    def start_kernel(self, notebook: str) -> None:
        """A kernel for a notebook, as opening it does."""
        body = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        response = self._send("POST", "api/sessions", body)
        if response is not None and response.status_code == 201:
            self._kernel = str(response.json()["kernel"]["id"])

    def _send(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> httpx.Response | None:
        headers = {"X-XSRFToken": self._token, "Origin": self._origin, "Referer": self._url}
        try:
            return self._browser.client.request(
                method,
                f"{self._origin}{self.path}{path}",
                json=body,
                headers=headers,
                follow_redirects=False,
            )
        except httpx.TransportError:
            return None

    @property
    def _token(self) -> str:
        """Against forged requests: the cookie of this server, which its pages read."""
        for cookie in self._browser.client.cookies.jar:
            if cookie.name == "_xsrf" and cookie.path == self.path:
                return cookie.value or ""
        return ""

    # --- The WebSocket -------------------------------------------------------------------------------

    def keep_socket(self) -> None:
        """Read what has come, which also answers the server's pings; open it anew where it was cut."""
        if self._socket is None:
            self._open_socket()
            return
        try:
            self._socket.settimeout(0.01)
            for _message in range(1000):
                if not self._socket.recv():
                    raise websocket.WebSocketConnectionClosedException("closed")
        except (websocket.WebSocketTimeoutException, BlockingIOError):
            return
        except (OSError, websocket.WebSocketException):
            self.cuts += 1
            self.close()

    def _open_socket(self) -> None:
        channel = f"api/kernels/{self._kernel}/channels?session_id={uuid.uuid4()}"
        parts = urlsplit(self._origin)
        url = f"{self._origin}{self.path}"
        # The client knows which cookies go there; a request that is never sent tells them.
        asked = self._browser.client.build_request("GET", url)
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket = websocket.create_connection(
                f"ws://127.0.0.1:{parts.port}{self.path}{channel if self._kernel else 'api/events/subscribe'}",
                timeout=SECONDS,
                host=parts.netloc,
                origin=self._origin,
                cookie=asked.headers.get("Cookie", ""),
            )

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self._socket.close(timeout=1)
            self._socket = None
