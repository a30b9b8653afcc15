"""Tables of an HTML document, as a reader without scripts gets them."""

from html.parser import HTMLParser


class _Tables(HTMLParser):
    """Collects the rows of each table below its caption, and all attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.attributes: list[tuple[str, str]] = []
        self._rows: list[list[str]] = []
        self._open = ""
        self._caption = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag == "caption":
            self._caption = ""
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("td", "th"):
            self._rows[-1][-1] += data
        elif self._open == "caption":
            self._caption += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            # Ends of cells and rows can be left out.
            self.tables[self._caption] = [[cell.strip() for cell in row] for row in self._rows]
        if tag == self._open:
            self._open = ""


def tables_of(html: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table, heads included, by its caption."""
    return _parsed(html).tables


def addresses_of(html: str) -> list[str]:
    """Return the values of all attributes that a browser would request."""
    named = ("src", "href", "srcset", "action", "data", "poster", "background")
    return [value for name, value in _parsed(html).attributes if name in named]


def _parsed(html: str) -> _Tables:
    parser = _Tables()
    parser.feed(html)
    parser.close()
    return parser
