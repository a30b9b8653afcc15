"""Examples of the API document and recorded responses; tests are skipped where they are absent."""

import json
import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared"))
CONTRACT = SHARED / "api" / "givenergy-api-v1.26.txt"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="API document and recordings are absent"
)

# Shortened lists end with an ellipsis; energy flows have objects in square brackets.
_REPAIRS = (
    ("},\n...\n]", "}\n]"),
    ('[\n"start_time"', '[{"start_time"'),
    ('[\n"0"', '{"0"'),
    ("],\n...\n]", "}}]"),
    (",\n}", "\n}"),
)


def example(title):
    """Return the API document's example response of an endpoint, repaired where it is not JSON."""
    text = CONTRACT.read_text()
    start = text.index("Example response (200):", text.index(f"\n{title}\n"))
    printed = text[text.index("{", start) : text.index("Received response:", start)]
    for broken, repaired in _REPAIRS:
        printed = printed.replace(broken, repaired)
    return json.loads(printed)


def recorded(name):
    """Return a recorded response; an envelope is added where the recording has none."""
    content = json.loads((SHARED / "samples" / f"{name}.json").read_text())
    return content if isinstance(content, dict) and "data" in content else {"data": content}
