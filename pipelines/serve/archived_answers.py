"""The answers of the served API that the archive has as they are: lists, values, single items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from givenergy.endpoints.definition import Endpoint
from pipelines.serve.missing_log import MissingLog
from pipelines.serve.open_archive import OpenArchive
from pipelines.serve.row_history import rows_of
from pipelines.serve.served_page import data_of, page_of
from pipelines.serve.served_request import RefusedError, ServedRequest

Answer = Callable[[OpenArchive, ServedRequest, MissingLog], bytes]
_NOT_FOUND = "The requested resource could not be found."


class _Item(msgspec.Struct):
    """What an element of a list is asked for by."""

    id: int | str | None = None
    uuid: str | None = None
    serial_number: str | None = None


def newest(endpoint: Endpoint, *filters: str) -> Answer:
    """Return the function that answers with the newest fetch of the path.

    Args:
        endpoint: The endpoint.
        filters: Parameters that must be those of the fetch.
    """
    return partial(_newest, endpoint, filters)


def _newest(
    endpoint: Endpoint,
    filters: Sequence[str],
    archive: OpenArchive,
    request: ServedRequest,
    log: MissingLog,
) -> bytes:
    chosen = {name: request.text(name) for name in filters}
    pages = archive.newest_pages(request.path, endpoint.method, chosen)
    if not pages:
        log.note(endpoint.name, "", request.path)
        raise not_there(request)
    if endpoint.page_size is None:
        return pages[0].body
    return page_of([row for page in pages for row in rows_of(page.body)], request)


def item_of(path: str, leaf: str) -> Answer:
    """Return the function that answers with one element of an archived list.

    Args:
        path: The path of the list.
        leaf: The leaf by which it is asked for.
    """

    def answer(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
        for page in archive.newest_pages(path):
            for row in rows_of(page.body):
                if str(getattr(msgspec.json.decode(row, type=_Item), leaf)) == request.device:
                    return data_of(msgspec.Raw(row))
        log.note(path, "", request.device)
        raise RefusedError(404, _NOT_FOUND)

    return answer


def setting_value(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Answer with the value of a setting that was read last; the inverter is not asked."""
    rows = archive.rows(
        "setting_value", device=request.device, setting=int(request.names["setting"])
    )
    if not rows:
        log.note("inverter_setting_values", "", request.path)
        raise RefusedError(
            404,
            f"The archive has no value of setting {request.names['setting']}: givlake serve asks"
            " no inverter.",
        )
    return data_of({"value": msgspec.json.decode(rows[0]["value"])})


def refuse_command(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
    """Refuse what writes or commands."""
    raise RefusedError(
        403, "This action is unauthorized: givlake serve answers from an archive and only reads."
    )


def not_there(request: ServedRequest) -> RefusedError:
    """Return the refusal of what the archive has not, with a word more for a known device."""
    if request.is_known:
        return RefusedError(404, f"{_NOT_FOUND} The archive has no answer to this request.")
    return RefusedError(404, _NOT_FOUND)


def checked(answer: Answer) -> Answer:
    """Return the function that first checks that the archive knows the device."""

    def of_known(archive: OpenArchive, request: ServedRequest, log: MissingLog) -> bytes:
        if not request.is_known:
            raise RefusedError(404, _NOT_FOUND)
        return answer(archive, request, log)

    return of_known


ITEMS: Mapping[str, Any] = {
    "/communication-device/{device}": item_of("/communication-device", "serial_number"),
    "/site/{site}": item_of("/site", "id"),
    "/ev-charger/{charger}": item_of("/ev-charger", "uuid"),
    # The document's example is a list; the clients that use it read an object.
    "/smart-device/{device}": item_of("/smart-device", "uuid"),
}
