"""Request a single page, to see how many there are."""

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.request import Request
from assets.framework.ingestion.session import Session
from givenergy.models import Page


def request_page(dataset: Dataset, request: Request, session: Session, number: int = 1) -> Page:
    """Request one page of a response, normally the first, which says how many there are.

    Args:
        dataset: The dataset.
        request: The request.
        session: A session to request with.
        number: Number of the page.

    Raises:
        GivEnergyError: As of `Client.fetch`.
    """
    fetched = session.client.fetch(
        dataset.endpoint,
        path=request.path,
        query=request.query,
        body=request.body,
        priority=request.priority,
        only_page=number,
    )
    return fetched.pages[0]
