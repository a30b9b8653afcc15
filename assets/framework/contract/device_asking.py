"""Datasets whose requests the platform passes on to a device, over its slow connection.

The owner switches them on. Their requests are made one after another, after all others and at the
lowest priority, and never a second time in a run. A device that does not answer is left alone for
the rest of the run.
"""

from abc import abstractmethod
from collections.abc import Sequence
from enum import Enum

from assets.framework.contract.dataset import SnapshotDataset, Urgency
from assets.framework.contract.request import Request


class DeviceAnswer(Enum):
    """What a response says about the device."""

    ANSWERED = "answered"
    NO_ANSWER = "did not answer"
    OUT_OF_REACH = "cannot be reached"


class DeviceAskingDataset(SnapshotDataset):
    """A dataset whose requests ask devices; `requests` leaves out what is not due."""

    urgency = Urgency.LAST

    @abstractmethod
    def request_of(self, label: str, device_ids: Sequence[str]) -> Request:
        """Return the request with a label about one device or, with `joins`, about several."""

    @abstractmethod
    def answer_of(self, body: bytes) -> tuple[DeviceAnswer, str]:
        """Return what the response about one device says about it, and its code with its name."""
