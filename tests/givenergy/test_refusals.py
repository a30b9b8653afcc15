"""What a refusal tells the caller: whether other things, or other endpoints, are worth a try."""

import datetime as dt

import pytest

from givenergy.endpoints import ENDPOINTS
from givenergy.endpoints.account_endpoints import ACCOUNT_CHILDREN, SITE_STATUS
from givenergy.endpoints.charger_endpoints import EV_CHARGERS
from givenergy.endpoints.control_endpoints import INVERTER_SETTINGS
from givenergy.endpoints.inverter_endpoints import (
    EMS_LATEST,
    INVERTER_DATA_POINTS,
    INVERTER_EVENTS,
    INVERTER_GRID_METER_DATA,
)
from givenergy.endpoints.smart_device_endpoints import SMART_DEVICES
from givenergy.errors import (
    ForbiddenError,
    GivEnergyError,
    MissingCapability,
    NotFoundError,
    RequestRefusedError,
)
from givenergy.response import missing_capability
from simulator import TokenGrant

ACCESS, ENDPOINT, RESOURCE, UNCLEAR = MissingCapability
DAY = "2024-03-05"
METERS = {"address": 1, "start_time": f"{DAY}T00:00:00Z", "end_time": f"{DAY}T01:00:00Z"}


@pytest.mark.parametrize(
    ("status", "said", "endpoint", "lack"),
    [
        (401, "Unauthenticated.", INVERTER_EVENTS, ACCESS),
        (402, "", INVERTER_EVENTS, ACCESS),
        (403, "Invalid scope(s) provided.", INVERTER_EVENTS, ENDPOINT),
        (403, "This action is unauthorized.", EV_CHARGERS, ENDPOINT),
        (403, "This action is unauthorized.", INVERTER_EVENTS, UNCLEAR),
        (403, "", SITE_STATUS, UNCLEAR),
        (404, "The route v1/x could not be found.", INVERTER_EVENTS, ENDPOINT),
        (
            404,
            "The requested resource could not be found.",
            INVERTER_EVENTS,
            RESOURCE,
        ),
        (404, "", INVERTER_EVENTS, RESOURCE),
        (404, "", EV_CHARGERS, ENDPOINT),
        (404, "", INVERTER_GRID_METER_DATA, UNCLEAR),
        (
            404,
            "No query results for model [Inverter].",
            INVERTER_GRID_METER_DATA,
            RESOURCE,
        ),
        (405, "GET is not supported here.", INVERTER_EVENTS, ENDPOINT),
        (410, "", ENDPOINTS["energy_flows"], ENDPOINT),
        (422, "The given data was invalid.", INVERTER_EVENTS, None),
        (400, "", EV_CHARGERS, None),
    ],
)
def test_what_a_status_and_its_message_tell(status, said, endpoint, lack):
    assert missing_capability(status, said, endpoint) is lack


def refused(client, endpoint, **how):
    with pytest.raises(GivEnergyError) as caught:
        client.fetch(endpoint, **how)
    return caught.value


def test_an_endpoint_that_api_or_plan_lack(simulate, open_client):
    sim = simulate(unavailable=frozenset({"events", "smart-device"}), api_version="1.26")
    client = open_client(sim)
    inverter = {"inverter": sim.serials[0]}
    error = refused(client, INVERTER_EVENTS, path=inverter)
    assert isinstance(error, NotFoundError)
    assert (error.missing_capability, error.status) == (ENDPOINT, 404)
    assert str(error).startswith(f"The API has no GET /inverter/{sim.serials[0]}/events for this")
    assert "no action is needed" in str(error)
    assert refused(client, SMART_DEVICES).missing_capability is ENDPOINT
    later = refused(client, INVERTER_GRID_METER_DATA, path=inverter, query=METERS)
    assert later.missing_capability is ENDPOINT


def test_an_item_that_is_not_there(simulate, open_client):
    client = open_client(simulate())
    error = refused(client, INVERTER_DATA_POINTS, path={"inverter": "XX0000X000", "date": DAY})
    assert isinstance(error, NotFoundError)
    assert error.missing_capability is RESOURCE
    assert "look it up in the GivEnergy portal" in str(error)
    assert refused(client, EMS_LATEST, path={"ems": "none"}).missing_capability is RESOURCE


def test_a_scope_or_an_account_type_that_is_missing(simulate, open_client):
    sim = simulate(tokens=(TokenGrant("few", scopes=frozenset({"api:account:list"})),))
    client = open_client(sim, token="few")
    error = refused(client, INVERTER_SETTINGS, path={"inverter": sim.serials[0]})
    assert isinstance(error, ForbiddenError)
    assert (error.missing_capability, error.scope) == (
        ENDPOINT,
        "api:inverter:control",
    )
    error = refused(client, ACCOUNT_CHILDREN)
    assert error.missing_capability is ENDPOINT
    assert "the scope api:account:list and an account of type engineer or above" in str(error)


def test_a_refusal_that_may_be_either_says_so(simulate, open_client):
    sim = simulate()
    client = open_client(sim)
    site = client.fetch(ENDPOINTS["sites"]).pages[0]
    assert site.rows
    assert refused(client, SITE_STATUS, path={"site": "1"}).missing_capability is UNCLEAR


def test_a_wrong_parameter_lacks_nothing(simulate, open_client):
    sim = simulate(clock=dt.datetime(2024, 3, 6, tzinfo=dt.UTC))
    path = {"inverter": sim.serials[0], "date": "yesterday"}
    error = refused(open_client(sim), INVERTER_DATA_POINTS, path=path)
    assert isinstance(error, RequestRefusedError)
    assert error.missing_capability is None
