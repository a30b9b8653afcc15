"""Make requests that ask devices: one after another, and only of devices that answer.

A device that twice in a row gives no answer, or says that it cannot be reached, is not asked again
in the run. A request about several devices that the API refuses, or that is not answered, is not
repeated: it and those after it are made as one for each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec

from assets.framework.contract.device_asking import DeviceAnswer, DeviceAskingDataset
from assets.framework.contract.request import Request
from assets.framework.ingestion.fetch_result import FetchResult, Outcome
from assets.framework.ingestion.fetcher import Fetcher
from assets.framework.ingestion.leases import RequestLease
from givenergy.errors import (
    ForbiddenError,
    GivEnergyError,
    HostDownError,
    NotFoundError,
    RequestRefusedError,
    RetryableError,
)
from givenergy.models import Fetched

_FAILURES_UNTIL_SILENT = 2
_BY_DEVICE = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _RefusedJointlyError(Exception):
    """The API refuses a request about several devices."""


class DeviceAskingFetcher(Fetcher):
    """Makes the requests of one run; see the module's docstring."""

    _dataset: DeviceAskingDataset

    def fetch(self, requests: Iterable[Request]) -> Iterator[FetchResult]:
        """Fetch as `Fetcher.fetch`, and tell at the end which devices did not answer."""
        # Why devices are not asked again, failed requests in a row, and requests not made.
        self._silent: dict[str, str] = {}
        self._failures: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._asks_jointly = True
        self._unanswered: list[Request] = []
        yield from super().fetch(requests)
        for device_id, why in self._silent.items():
            skipped = self._skipped[device_id]
            rest = f"; {skipped} more not asked for in this run" if skipped else ""
            self._session.tell(f"{self._dataset.name}: {device_id} {why}{rest}.")

    def _most_in_flight(self, began: float) -> int:
        return 0 if self._refusals.stopped is not None else 1

    def _fetch_alone(self, request: Request) -> FetchResult | None:
        asked = [each for each in request.device_ids if each not in self._silent]
        self._skipped.update(set(request.device_ids) - set(asked))
        if request.joins:
            # The API can refuse it of some of the devices.
            parts = [each for each in request.joins if each.device_id in asked]
            asked = [each.device_id for each in parts if self._refusals.allows(each)]
        if not asked:
            return None
        if len(asked) < len(request.device_ids):
            request = self._dataset.request_of(request.label, asked)
        if not self._refusals.allows(request):
            return None
        if request.joins and not self._asks_jointly:
            return FetchResult(request, Outcome.SPLIT, follow_ups=self._separately(request))
        return super()._fetch_alone(request)

    def _request(self, request: Request, lease: RequestLease) -> FetchResult | None:
        if not request.joins:
            result = super()._request(request, lease)
            if result is not None and _is_silence(result.error):
                self._note(request.device_id, DeviceAnswer.NO_ANSWER, "did not answer")
            return result
        self._unanswered = []
        try:
            result = super()._request(request, lease)
        except _RefusedJointlyError:
            self._asks_jointly = False
            return FetchResult(
                request, Outcome.SPLIT, requests=1, follow_ups=self._separately(request)
            )
        if result is not None and result.outcome is Outcome.FAILED:
            self._asks_jointly = False
            if _is_silence(result.error):
                # One device can hold up the answer about all.
                return replace(result, outcome=Outcome.SPLIT, follow_ups=self._separately(request))
        if result is not None and self._unanswered:
            lease.release([key for each in self._unanswered for key in each.lease_keys])
            result = replace(result, follow_ups=tuple(self._unanswered))
        return result

    def _send(self, request: Request) -> Fetched:
        try:
            return super()._send(request)
        except (NotFoundError, ForbiddenError, RequestRefusedError) as error:
            if not request.joins:
                raise
            raise _RefusedJointlyError from error

    def _separately(self, request: Request) -> tuple[Request, ...]:
        return tuple(self._dataset.request_of(request.label, [each]) for each in request.device_ids)

    def _append(
        self, request: Request, fetched: Fetched, day_rows: Sequence[int] | None = None
    ) -> None:
        """Append a response to the archive, one about several devices as one for each.

        So a device can be forgotten without the others, and what is known of it is found by it.
        """
        answers = _answers_by_device(fetched, request.device_ids) if request.joins else {}
        if request.joins and not answers:
            self._asks_jointly = False
        for part in request.joins or (request,):
            if not request.joins:
                answer = fetched
            elif part.device_id in answers:
                answer = _answer_about(part, answers[part.device_id], fetched)
                self._refusals.answered(part)
            else:
                self._unanswered.append(self._dataset.request_of(part.label, [part.device_id]))
                continue
            super()._append(part, answer)
            self._note(part.device_id, *self._dataset.answer_of(answer.pages[0].body))

    def _note(self, device_id: str, answer: DeviceAnswer, said: str) -> None:
        if answer is DeviceAnswer.ANSWERED:
            self._failures.pop(device_id, None)
            return
        self._failures[device_id] += 1
        if (
            answer is DeviceAnswer.OUT_OF_REACH
            or self._failures[device_id] >= _FAILURES_UNTIL_SILENT
        ):
            self._silent.setdefault(device_id, said)


def _is_silence(error: GivEnergyError | None) -> bool:
    """Return whether a device may be the reason of an error, rather than that the API refuses."""
    return (
        isinstance(error, RetryableError)
        and not isinstance(error, HostDownError)
        and (error.status is None or error.status >= 500 or error.status == 408)
    )


def _answers_by_device(fetched: Fetched, device_ids: Sequence[str]) -> dict[str, msgspec.Raw]:
    """Return what a response has about each device, at the top of its body or in `data`."""
    (page,) = fetched.pages
    body = _object_of(page.body)
    for answers in (body, _object_of(body.get("data"))):
        if found := {each: answers[each] for each in device_ids if each in answers}:
            return found
    return {}


def _object_of(raw: msgspec.Raw | bytes | None) -> dict[str, msgspec.Raw]:
    try:
        return {} if raw is None else _BY_DEVICE.decode(raw)
    except msgspec.DecodeError:
        return {}


def _answer_about(part: Request, answer: msgspec.Raw, fetched: Fetched) -> Fetched:
    """Return a response with what it has about one device."""
    (page,) = fetched.pages
    body = msgspec.json.encode({part.device_id: answer})
    return replace(fetched, pages=(replace(page, body=body, params=dict(part.body or {})),))
