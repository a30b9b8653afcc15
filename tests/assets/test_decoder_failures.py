"""An answer at which decoding itself fails stops no other, and its rows are set aside."""

from assets.framework.decoding.decoder import DatasetDecoder
from assets.smart_device_readings import SmartDeviceReadings
from tests.support.simulated_home import response


class Fragile(SmartDeviceReadings):
    """Decodes all answers but those of one device."""

    def columns(self, rows, response):
        if response.device_id == "broken":
            raise OverflowError("date value out of range")
        return super().columns(rows, response)


def answer(device_id, response_id, power):
    body = {"data": [{"time": f"2025-06-01T0{hour}:00:00Z", "power": power} for hour in range(2)]}
    return response(Fragile(), body, device_id=device_id, response_id=response_id)


def test_a_response_that_decoding_fails_at_is_quarantined_and_stops_no_other(caplog):
    answers = [answer("a", 1, 5), answer("b", 2, 6), answer("broken", 3, 7), answer("c", 4, 8)]
    decoded = DatasetDecoder(Fragile()).decode(answers)
    (table,) = decoded.tables.values()
    assert sorted(set(table["power_w"].to_pylist())) == [5, 6, 8]
    aside = decoded.quarantine.to_pylist()
    assert [(row["response_id"], row["row_index"], row["reason"]) for row in aside] == [
        (3, 0, "decoder_failed"),
        (3, 1, "decoder_failed"),
    ]
    assert aside[0]["value"] == "OverflowError: date value out of range"
    assert aside[0]["raw"] == '{"time": "2025-06-01T00:00:00Z", "power": 7}'
    assert decoded.rows_in == {1: 2, 2: 2, 3: 2, 4: 2}
    assert "could not be decoded" in caplog.text
