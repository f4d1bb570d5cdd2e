"""What learners' code printed, made fit for a page. Everything that comes in here is hostile."""

import base64
import binascii
import re
import time
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from courses.markdown import render_markdown, sanitise_html
from courses.markdown.highlighting import highlight_code

MAX_TEXT: Final = 10_000
MAX_LINES: Final = 300
MAX_SOURCE: Final = 20_000
MAX_OUTPUTS: Final = 50
"""Per output, output, cell and cell; what is longer is cut and says so."""

LINES_AT_ONCE: Final = 24
"""Lines of an output that are seen without opening the rest."""

NOT_RUN: Final = "CellNotRun"
"""The error that the box leaves in a cell that could not be run."""

# In this order: the richest form that can be shown safely. SVG, JavaScript and widgets are programs.
PICTURES: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8"}

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]")
# Control characters, and those that turn the direction of writing, with which code can look like other code.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Kind = Literal["text", "stderr", "error", "html", "image", "note"]


class AllowanceSpentError(Exception):
    """A page has had its share of the web process."""

    reason = "page_too_large"


@dataclass
class Allowance:
    """What one page may cost: characters of text and markup, bytes of pictures, seconds of processor time."""

    characters: int = 1_500_000
    picture_bytes: int = 6_000_000
    seconds: float = 3.0

    def __post_init__(self) -> None:
        self._ends_at = time.thread_time() + self.seconds

    def check_time(self) -> None:
        """Raise AllowanceSpentError when the time is over."""
        if time.thread_time() > self._ends_at:
            raise AllowanceSpentError

    def spend(self, *, characters: int = 0, picture_bytes: int = 0) -> None:
        """Take from what is left; raise AllowanceSpentError when it does not suffice."""
        self.check_time()
        if characters > self.characters or picture_bytes > self.picture_bytes:
            raise AllowanceSpentError
        self.characters -= characters
        self.picture_bytes -= picture_bytes


@dataclass(frozen=True)
class ShownOutput:
    """One output: `content` is plain text, except for `html` and the address of an `image`.

    Of a long text `rest` follows the content; of a long error it comes before, because the end says what went wrong.
    """

    kind: Kind
    content: str | SafeString
    is_cut: bool = False
    rest: str = ""


@dataclass(frozen=True)
class ShownSource:
    html: SafeString
    is_cut: bool = False


def show_source(source: object, cell_type: str, allowance: Allowance, *, id_prefix: str) -> ShownSource:
    """A cell's source as HTML: Markdown rendered, code coloured; plain when the allowance is spent."""
    text = as_text(source)
    kept, is_cut = text[:MAX_SOURCE], len(text) > MAX_SOURCE
    try:
        allowance.spend(characters=len(kept))
        if cell_type == "markdown":
            return ShownSource(render_markdown(kept, id_prefix=id_prefix), is_cut)
        language = "python" if cell_type == "code" else ""
        html = highlight_code(_INVISIBLE.sub("\ufffd", kept), language, allowance.check_time)
        return ShownSource(mark_safe(html), is_cut)  # noqa: S308 -- escaped by highlight_code
    except AllowanceSpentError:
        html = f"<pre>{escape(kept[:MAX_TEXT])}</pre>"
        return ShownSource(mark_safe(html), len(text) > MAX_TEXT)  # noqa: S308 -- escaped


def show_outputs(outputs: object, allowance: Allowance, *, id_prefix: str) -> tuple[ShownOutput, ...]:
    """The outputs of a cell in order. Ids in rendered Markdown begin with `id_prefix`."""
    if not isinstance(outputs, list):
        return ()
    shown: list[ShownOutput] = []
    for number, output in enumerate(outputs[:MAX_OUTPUTS]):
        try:
            shown += _show_output(output, allowance, f"{id_prefix}{number}-")
        except AllowanceSpentError:
            return (*shown, ShownOutput("note", _("The rest is left out: this page would get too large.")))
    if len(outputs) > MAX_OUTPUTS:
        shown.append(ShownOutput("note", _("Further outputs of this cell are left out.")))
    return tuple(shown)


def as_text(value: object) -> str:
    """A notebook's text: a string or a list of its lines; anything else is nothing."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def clean_text(text: str) -> str:
    """Without colours and control characters; of a line that was written over, what was left standing."""
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return _INVISIBLE.sub("", "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def _show_output(output: object, allowance: Allowance, id_prefix: str) -> list[ShownOutput]:
    if not isinstance(output, dict):
        return []
    match output.get("output_type"):
        case "stream":
            kind: Kind = "stderr" if output.get("name") == "stderr" else "text"
            return _show_text(kind, as_text(output.get("text")), allowance)
        case "error" if output.get("ename") == NOT_RUN:
            return [ShownOutput("note", _("Not run."))]
        case "error":
            return _show_text("error", _error_text(output), allowance)
        case "display_data" | "execute_result":
            data = output.get("data")
            return _show_data(data, allowance, id_prefix) if isinstance(data, dict) else []
    return []


def _error_text(output: dict[str, object]) -> str:
    frames = output.get("traceback")
    if isinstance(frames, list) and frames:
        return "\n".join(as_text(frame) for frame in frames if isinstance(frame, str))
    return f"{as_text(output.get('ename'))}: {as_text(output.get('evalue'))}"


def _show_data(data: dict[str, object], allowance: Allowance, id_prefix: str) -> list[ShownOutput]:
    if html := as_text(data.get("text/html")):
        allowance.spend(characters=len(html))
        clean = sanitise_html(html)
        if clean.strip():
            return [ShownOutput("html", clean)]
    for media_type, signature in PICTURES.items():
        if media_type in data:
            return [_show_picture(media_type, signature, as_text(data[media_type]), allowance)]
    if markdown := as_text(data.get("text/markdown")):
        kept = markdown[:MAX_SOURCE]
        allowance.spend(characters=len(kept))
        return [ShownOutput("html", render_markdown(kept, id_prefix=id_prefix), len(markdown) > MAX_SOURCE)]
    plain = as_text(data.get("text/plain")) or as_text(data.get("text/latex"))
    shown = _show_text("text", plain, allowance) if plain else []
    if hidden := sorted(str(name)[:60] for name in data if name not in {"text/plain", "text/latex"}):
        names = clean_text(as_text(", ".join(hidden[:3])))
        shown.append(
            ShownOutput(
                "note", _("Not shown here: %(formats)s. Open the lab to see it.") % {"formats": names}
            )
        )
    return shown


def _show_picture(media_type: str, signature: bytes, text: str, allowance: Allowance) -> ShownOutput:
    """A picture whose bytes are of the kind it claims to be, encoded anew."""
    if len(text) > allowance.picture_bytes:
        raise AllowanceSpentError
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content.startswith(signature):
        return ShownOutput("note", _("A picture that cannot be read is left out."))
    allowance.spend(picture_bytes=len(text))
    return ShownOutput("image", f"data:{media_type};base64,{base64.b64encode(content).decode()}")


def _show_text(kind: Kind, text: str, allowance: Allowance) -> list[ShownOutput]:
    # Cut before cleaning too, so that a megabyte costs no more than what is shown of it.
    clean = clean_text(text[: 8 * MAX_TEXT]).rstrip("\n")
    lines = clean[:MAX_TEXT].split("\n")[:MAX_LINES]
    kept = "\n".join(lines)
    allowance.spend(characters=len(kept))
    is_cut = len(kept) < len(clean) or len(text) > 8 * MAX_TEXT
    if len(lines) <= LINES_AT_ONCE:
        return [ShownOutput(kind, kept, is_cut)]
    if kind == "error":
        first, last = lines[:-LINES_AT_ONCE], lines[-LINES_AT_ONCE:]
        return [ShownOutput(kind, "\n".join(last), is_cut, rest="\n".join(first))]
    first, last = lines[:LINES_AT_ONCE], lines[LINES_AT_ONCE:]
    return [ShownOutput(kind, "\n".join(first), is_cut, rest="\n".join(last))]
