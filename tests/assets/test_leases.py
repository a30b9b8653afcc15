"""Which responses of other processes are remembered while a run goes on."""

from datetime import date

from assets.framework.contract.day_range import DayRange
from assets.framework.contract.devices import Device
from assets.framework.ingestion.leases import RequestLeases
from assets.inverter_data_points import DATASET
from tests.support.simulated_home import ingest_days

DAY = date(2024, 3, 5)


def test_a_deferred_request_is_not_repeated_after_later_batches(home):
    at_home = home()
    first, second = at_home.simulator.serials
    with at_home.session() as session:
        deferred, made = (
            DATASET.day_request(DayRange(serial, DAY, DAY), session.zone)
            for serial in (first, second)
        )
        leases = RequestLeases(session, DATASET)
        leases.start_batch()
        leases.defer(deferred)
        devices = [Device(serial, None, None) for serial in (first, second)]
        ingest_days(session, DATASET, devices, DAY, DAY)
        assert [leases.already_fetched(each) for each in (deferred, made)] == [True, True]
        leases.start_batch()
        leases.start_batch()
        assert [leases.already_fetched(each) for each in (deferred, made)] == [True, False]
        assert leases.take(deferred) is None
