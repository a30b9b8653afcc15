"""Fetching a list as it stands now, such as the devices of the account, into archive and table."""

from assets.framework.collect import entries_of
from assets.framework.dataset import Dataset
from assets.framework.session import Session
from givenergy import Priority
from warehouse import BuildReport, build


def fetch_snapshot(session: Session, dataset: Dataset) -> BuildReport:
    """Fetch all pages of a list, archive them and build the table.

    Raises:
        GivEnergyError: if the list cannot be had; the table stays as it is.
    """
    fetched = session.client.fetch(
        dataset.endpoint, priority=Priority.TODAY, context={"dataset": dataset.name}
    )
    session.lake.archive.append(
        entries_of(fetched, dataset.endpoint, dataset=dataset.name, account=session.account)
    )
    session.lake.archive.flush()
    return build(session.lake, dataset)
