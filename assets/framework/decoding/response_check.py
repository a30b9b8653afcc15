"""Check before archiving whether a response is readable.

If some rows are unreadable, or of other days than those requested, they go to quarantine and the
day is complete. If that is true of all rows, the response is not what was requested: it is
archived, but its day is incomplete.
"""

import logging
from collections.abc import Sequence

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.day_range import DayRange
from assets.framework.contract.json_rows import decode_rows, elements
from assets.framework.decoding.unarchived_response import unarchived_response

_LOG = logging.getLogger(__name__)


def why_unreadable(
    dataset: Dataset, bodies: Sequence[bytes], day_range: DayRange, zone: str
) -> str | None:
    """Return why no row of a response can be read; None if one can, or if there are none.

    Args:
        dataset: Dataset that was requested.
        bodies: Pages of the response.
        day_range: Days that were requested.
        zone: IANA time zone of the days.
    """
    reasons = []
    count = 0
    for body in bodies:
        raw_rows = elements(body, dataset.shape)
        count += len(raw_rows)
        # The first row is usually enough.
        for part in (b'{"data":[%b]}' % bytes(raw_rows[0]), body) if raw_rows else ():
            reasons.append(_decode_error(dataset, part, day_range, zone))
            if reasons[-1] is None:
                return None
    if not reasons:
        return None
    return f"None of the {count} rows received can be read; the first: {reasons[0]}."


def _decode_error(dataset: Dataset, body: bytes, day_range: DayRange, zone: str) -> str | None:
    rows = decode_rows(body, dataset.row_type, dataset.shape)
    response = unarchived_response(
        dataset,
        body,
        device_id=day_range.device_id,
        request_date=day_range.first,
        request_end_date=day_range.last,
        zone=zone,
    )
    if rows.values:
        try:
            (tables,) = dataset.tables_of_fetch([(rows, response)])
        # The response is archived: the build meets the same exception, and `decoder_failures` logs
        # it and records it in the quarantine. Here a row could be read.
        except Exception:
            _LOG.debug("A row of %s cannot be decoded", dataset.name, exc_info=True)
            return None
    # Making the tables rejects rows, too.
    if not rows.values:
        return f"{rows.rejected[0].field} is {rows.rejected[0].value}"
    if (name := dataset.main.time_column) is None:
        return None
    times = tables[dataset.main.name].columns[name]
    outside = dataset.requested_time(response).outside(times)
    if len(outside) and outside.all():
        return f"{name} is {times[0].as_py():%Y-%m-%dT%H:%M:%SZ}, which was not requested"
    return None
