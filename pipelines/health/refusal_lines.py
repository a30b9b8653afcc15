"""What the API refuses, for people: what the account lacks, what a scope would permit, the rest."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from assets.framework.ingestion.availability import Cause, Refusal, unavailable
from givenergy.errors import TOKENS_PAGE
from pipelines.device_names import DeviceNames, device_names
from warehouse.lake import Lake

_DEVICES_NAMED = 3
_CONTROL = ":control"


@dataclass(slots=True)
class Refused:
    """What the API refuses of some datasets, by dataset and device or part; "" is the whole.

    Attributes:
        not_offered: What the account or its devices lack.
        scopes: The datasets that need each scope that the token lacks.
        others: What is refused for another reason.
        names: The names of the devices.
    """

    names: DeviceNames
    not_offered: dict[str, dict[str, Refusal]] = field(default_factory=dict)
    scopes: dict[str, dict[str, Refusal]] = field(default_factory=dict)
    others: dict[str, dict[str, Refusal]] = field(default_factory=dict)

    @property
    def summary(self) -> list[str]:
        """A line about what the account lacks, and one or two about scopes that the token lacks."""
        lines = []
        if self.not_offered:
            refusals = [each for known in self.not_offered.values() for each in known.values()]
            is_confirmed = all(each.is_confirmed for each in refusals)
            again = "weekly" if is_confirmed else "by the next command, then weekly"
            named = ", ".join(map(self._named, self.not_offered.items()))
            lines.append(f"Not offered by this account: {named} (asked again {again}).")
        needed = [f"{each} for {names}" for each, names in self._scopes(control=False)]
        if needed:
            lines.append(f"The token lacks scopes: {'; '.join(needed)}. Add them on {TOKENS_PAGE}.")
        # A token without them is safer, which `doctor` says of one that has them.
        lines += [
            f"Skipped without the scope {each}, which also permits changes of devices: {names}."
            for each, names in self._scopes(control=True)
        ]
        return lines

    def _scopes(self, *, control: bool) -> Iterator[tuple[str, str]]:
        """Yield the scopes that the token lacks, those to control devices or the others."""
        for scope, refusals in sorted(self.scopes.items()):
            if scope.endswith(_CONTROL) == control:
                yield " and ".join(scope.split()), ", ".join(refusals)

    def __bool__(self) -> bool:
        """Return whether there is any refusal to show."""
        return bool(self.not_offered or self.scopes or self.others)

    def describe_others(self) -> Iterator[tuple[str, Refusal]]:
        """Yield each other refusal with the dataset and device that it is about."""
        return self._described(self.others)

    def details(self) -> Iterator[str]:
        """Yield a line for each refusal: what the API said, since when, and when it is tried."""
        for by_subject in (self.not_offered, self.others):
            for about, refusal in self._described(by_subject):
                yield f"{about}: {refusal}"
        for by_dataset in self.scopes.values():
            for name, refusal in by_dataset.items():
                yield f"{name}: {refusal.timeline}"

    def _described(
        self, refusals: Mapping[str, Mapping[str, Refusal]]
    ) -> Iterator[tuple[str, Refusal]]:
        for name, by_subject in refusals.items():
            for subject, refusal in by_subject.items():
                yield f"{name} {self.names.of_subject(subject)}".strip(), refusal

    def _named(self, dataset: tuple[str, Mapping[str, Refusal]]) -> str:
        """Return the name of a dataset, with the devices that lack it if it is not all of it."""
        name, refusals = dataset
        subjects = [self.names.of_subject(subject) for subject in refusals if subject]
        if not subjects:
            return name
        if len(subjects) > _DEVICES_NAMED:
            return f"{name} for {len(subjects):,} devices"
        return f"{name} for {' and '.join(subjects)}"


def refused(lake: Lake, names: Collection[str], device_ids: Collection[str] = ()) -> Refused:
    """Return what the API refuses of some datasets, without a request.

    Args:
        lake: The data folder.
        names: The datasets.
        device_ids: Devices to limit it to; none means all.
    """
    found = Refused(device_names(lake))
    for name, known in sorted(unavailable(lake).items()):
        if name not in names:
            continue
        # A refusal of the whole dataset says what those of single devices do.
        for subject, refusal in ({"": known[""]} if "" in known else known).items():
            device_id = subject.partition(" ")[0]
            is_other = bool(device_ids and subject) and device_id not in device_ids
            if refusal.cause is Cause.PROBE or is_other:
                continue
            if refusal.cause is Cause.NOT_OFFERED:
                found.not_offered.setdefault(name, {})[subject] = refusal
            # Of single devices it is not the scope: others are answered.
            elif refusal.cause is Cause.SCOPE and not subject:
                found.scopes.setdefault(refusal.scope, {})[name] = refusal
            else:
                found.others.setdefault(name, {})[subject] = refusal
    return found
