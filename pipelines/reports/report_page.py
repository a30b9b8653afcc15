"""The HTML of a report: the dashboard's page with its styles, scripts and data in one file.

The file requests nothing: it has no addresses, and its Content-Security-Policy allows none. The
library for charts is most of it, and is compressed with the page's script.
"""

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources

# Elements of the dashboard's page that its server gives the content of, or that say that there is
# nothing without a script.
_LEFT_OUT = re.compile(
    r"<link\b[^>]*\bhref=\"/[^>]*>|<script\b[^>]*\bsrc=[^>]*>\s*</script>"
    r"|<meta\b[^>]*http-equiv[^>]*>|<noscript>.*?</noscript>",
    re.IGNORECASE | re.DOTALL,
)
_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL | re.IGNORECASE)
_BODY = re.compile(r"<body\b([^>]*)>", re.IGNORECASE)
_BODY_CLASS = re.compile(r"\bclass=\"([^\"]*)\"", re.IGNORECASE)
_BODY_END = re.compile(r"</body>", re.IGNORECASE)
_COMMENT_LINES = re.compile(r"^[ \t]*(?://[^\n]*|/\*\*.*?\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PageParts:
    """The dashboard's page.

    Attributes:
        html: Its document.
        styles: Its style sheet.
        library: The library for charts.
        script: Its own script.
    """

    html: str
    styles: str
    library: str
    script: str


@dataclass(frozen=True, slots=True)
class ReportParts:
    """What a report adds to the page, as HTML but for the title.

    Attributes:
        title: The title of the document, plain text.
        summary: What stands at the top where no script runs.
        tables: All tables.
        proof: What stands at the end.
        data: JSON that can stand in a script element.
    """

    title: str
    summary: str
    tables: str
    proof: str
    data: str


def report_html(page: PageParts, parts: ReportParts) -> str:
    """Return a report as one HTML file."""
    ours = _own("report.js")
    scripts = f"{page.library}\n{_without_comments(page.script)}"
    head = "\n".join(
        [
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(ours, scripts)}">',
            f"<style>{page.styles}\n{_own('report.css')}</style>",
        ]
    )
    before = f'<header class="report-part report-summary">{parts.summary}</header>'
    after = "\n".join(
        [
            '<details class="report-part" id="report-figures" open>'
            f"<summary>All figures as tables</summary>{parts.tables}</details>",
            f'<footer class="report-part report-proof">{parts.proof}</footer>',
            f'<script type="application/json" id="report-data">{parts.data}</script>',
            f'<script type="text/plain" id="report-scripts">{_compressed(scripts)}</script>',
            f"<script>{ours}</script>",
        ]
    )
    html = _LEFT_OUT.sub("", page.html)
    html = _TITLE.sub(lambda _: f"<title>{escape(parts.title)}</title>", html, count=1)
    # The policy comes first in the head: it holds for what follows it.
    html = re.sub(
        r"(<meta\b[^>]*charset[^>]*>)", lambda found: f"{found[1]}\n{head}", html, count=1
    )
    html = _BODY.sub(lambda found: f"<body{_with_class(found[1])}>\n{before}", html, count=1)
    return _BODY_END.sub(lambda _: f"{after}\n</body>", html, count=1)


def _compressed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _policy(*scripts: str) -> str:
    """Return the policy: nothing from elsewhere, no other scripts."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _with_class(attributes: str) -> str:
    if _BODY_CLASS.search(attributes):
        return _BODY_CLASS.sub(r'class="\1 is-report"', attributes)
    return f'{attributes} class="is-report"'


def _without_comments(script: str) -> str:
    """Return a script of ours without comments and indents."""
    return _INDENT.sub("", _COMMENT_LINES.sub("", script))


@cache
def _own(name: str) -> str:
    return resources.files("pipelines.reports").joinpath("page", name).read_text(encoding="utf-8")
