"""The API document and the recorded answers, for tests that are left out where they are absent."""

import json
import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared"))
CONTRACT = SHARED / "api" / "givenergy-api-v1.26.txt"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared material is not here")

# Lists that are cut short end with an ellipsis; energy flows have objects in square brackets.
_MENDED = (
    ("},\n...\n]", "}\n]"),
    ('[\n"start_time"', '[{"start_time"'),
    ('[\n"0"', '{"0"'),
    ("],\n...\n]", "}}]"),
)


def example(title):
    """Give the answer that the API document prints for an endpoint, mended where it is no JSON."""
    text = CONTRACT.read_text()
    start = text.index("Example response (200):", text.index(f"\n{title}\n"))
    printed = text[text.index("{", start) : text.index("Received response:", start)]
    for broken, mended in _MENDED:
        printed = printed.replace(broken, mended)
    return json.loads(printed)


def recorded(name):
    """Give a recorded answer; some stand without their envelope."""
    answer = json.loads((SHARED / "samples" / f"{name}.json").read_text())
    return answer if isinstance(answer, dict) and "data" in answer else {"data": answer}
