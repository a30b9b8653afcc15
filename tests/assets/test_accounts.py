"""Accounts: one's own, those below it, and whose devices are whose; nothing personal by default."""

import pytest

from assets.account_children import DATASET as CHILDREN
from assets.account_devices import DATASET as DEVICES
from assets.accounts import DATASET as ACCOUNTS
from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.devices import DeviceKind
from assets.framework.decoding.decoder import decoders
from assets.registry import datasets, without_devices
from tests.support.api_examples import example, needs_shared
from tests.support.simulated_home import decode, leaves, rows_of
from warehouse.forget import forget

PERSONAL = (
    "name", "first_name", "surname", "email", "address", "postcode", "telephone_number", "company"
)  # fmt: skip
LISTS = (CHILDREN, DEVICES, COMMUNICATION_DEVICES)


def account(**changes):
    return {
        "id": 41,
        "name": "somebody.41",
        "first_name": "Some",
        "surname": "Body",
        "role": "VIEWER",
        "email": "some@body.example",
        "address": "1 Nowhere",
        "postcode": "ZZ1 1ZZ",
        "country": "UNITED_KINGDOM",
        "telephone_number": "00",
        "timezone": "GMT",
        "standard_timezone": "Europe/London",
        "company": "Body & Co",
        **changes,
    }


@pytest.mark.parametrize(("dataset", "answer"), [(ACCOUNTS, account()), (CHILDREN, [account()])])
def test_each_leaf_of_an_account_is_a_column(dataset, answer):
    (row,) = rows_of(decode(dataset, {"data": answer}), dataset.name)
    sent = account()
    assert row == {
        "account_id": sent.pop("id"),
        "role_name": "VIEWER",
        "extra_fields": None,
        **sent,
    }


def test_what_was_left_out_before_archiving_is_null_and_no_drift():
    redacted = account(**{name: {"redacted": "string"} for name in PERSONAL})
    decoded = decode(CHILDREN, {"data": [redacted]})
    (row,) = rows_of(decoded, CHILDREN.name)
    assert [row[name] for name in PERSONAL] == [None] * len(PERSONAL)
    assert (row["account_id"], row["country"]) == (41, "UNITED_KINGDOM")
    assert (decoded.drift, decoded.quarantine.num_rows) == ([], 0)


def test_an_account_of_an_earlier_version_has_no_company():
    earlier = account()
    del earlier["company"]
    (row,) = rows_of(decode(ACCOUNTS, {"data": earlier}), ACCOUNTS.name)
    assert row["company"] is None
    (row,) = rows_of(decode(ACCOUNTS, {"data": account(company=None)}), ACCOUNTS.name)
    assert row["company"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kept", "company"), [("", None), ("account:data.company", "Invented Energy 1 Ltd")]
)
def test_a_company_is_kept_only_if_the_owner_wants_it(home, kept, company):
    at_home = home({"GIVLAKE_KEEP_PERSONAL": kept} if kept else {})
    at_home.refresh(ACCOUNTS)
    (row,) = at_home.rows("SELECT company, name, extra_fields FROM accounts")
    assert row == {"company": company, "name": None, "extra_fields": None}


def test_an_account_without_its_number_goes_to_quarantine():
    decoded = decode(CHILDREN, {"data": [account(id=None), account(id=42, role="KING")]})
    (row,) = rows_of(decoded, CHILDREN.name)
    assert (row["account_id"], row["role_name"]) == (42, "unknown (KING)")
    (aside,) = decoded.quarantine.to_pylist()
    assert (aside["row_index"], aside["column"]) == (0, "account_id")


@needs_shared
@pytest.mark.parametrize(
    ("dataset", "title"),
    [
        (ACCOUNTS, "Get Your Account Information"),
        (CHILDREN, "Get Your Account Children Information"),
    ],
)
def test_the_documents_example_lands_whole(dataset, title):
    answer = example(title)
    by_source = {column.source: name for name, column in dataset.main.schema.columns.items()}
    rows = rows_of(decode(dataset, answer), dataset.name)
    sent = answer["data"] if isinstance(answer["data"], list) else [answer["data"]]
    assert [{leaf: row[by_source[leaf]] for leaf, _ in leaves(s)} for row, s in zip(
        rows, sent, strict=True
    )] == sent  # fmt: skip


@needs_shared
def test_the_documents_dongles_of_an_account_are_attributed():
    answer = example("Get Account Dongles by ID")
    decoded = decode(DEVICES, answer, device_id="15")
    assert [
        (row["account_id"], row["communication_device_serial"], row["inverter_serial"])
        for row in rows_of(decoded, DEVICES.name)
    ] == [(15, d["serial_number"], d["inverter"]["serial"]) for d in answer["data"]]
    assert decoded.drift == []


def test_entries_without_inverter_or_serial_are_accounted_for():
    entries = [
        {"serial_number": "D1", "inverter": None},
        {"serial_number": None, "inverter": {"serial": "I2"}},
        {"serial_number": None, "inverter": {}},
    ]
    decoded = decode(DEVICES, {"data": entries}, device_id="15")
    assert [
        (row["communication_device_serial"], row["inverter_serial"])
        for row in rows_of(decoded, DEVICES.name)
    ] == [("D1", None), ("I2", "I2")]
    assert [row["row_index"] for row in decoded.quarantine.to_pylist()] == [2]


@pytest.mark.slow
def test_nothing_personal_is_stored_unless_the_owner_says_so(home):
    at_home = home()
    assert at_home.refresh(ACCOUNTS).failures == []
    (row,) = at_home.rows("FROM accounts")
    truth = at_home.simulator.account
    assert row["account_id"] == truth["id"]
    assert row["standard_timezone"] == "Europe/London"
    assert [row[name] for name in PERSONAL] == [None] * len(PERSONAL)
    assert row["extra_fields"] is None


@pytest.mark.slow
def test_the_owner_can_keep_a_name(home):
    at_home = home({"GIVLAKE_KEEP_PERSONAL": "account:data.name"})
    at_home.refresh(ACCOUNTS)
    (row,) = at_home.rows("SELECT name, surname FROM accounts")
    assert row == {"name": at_home.simulator.account["name"], "surname": None}


def test_children_of_a_customer_are_requested_once_and_there_are_none(home):
    at_home = home()
    report = at_home.refresh(CHILDREN)
    assert (len(at_home.paths()), report.failures, report.stopped) == (1, [], None)
    assert "engineer or above" in report.unavailable[0]
    at_home.refresh(CHILDREN)
    at_home.refresh(DEVICES)
    assert at_home.paths() == []


@pytest.mark.slow
@pytest.mark.parametrize("listed", [False, True])
def test_an_installers_devices_are_found_and_attributed(home, listed):
    at_home = home(
        account_type="engineer", children=3, child_inverters=2, children_devices_listed=listed
    )
    sim = at_home.simulator
    devices = at_home.devices(*LISTS)
    children = sim.truth_of("account-children", str(sim.account["id"]))
    truth = {
        (child["id"], device["serial_number"], device["inverter"]["serial"])
        for child in children
        for device in sim.truth_of("account-devices", str(child["id"]))
    }
    assert len(truth) == 6
    rows = at_home.rows("FROM account_devices WHERE valid_to IS NULL")
    assert {
        (row["account_id"], row["communication_device_serial"], row["inverter_serial"])
        for row in rows
    } == truth
    assert len(rows) == 6
    assert [row["account_id"] for row in at_home.rows("FROM account_children ORDER BY 1")] == [
        child["id"] for child in children
    ]
    found = {device.device_id: device for device in devices[DeviceKind.INVERTER]}
    assert set(found) == {serial for _, _, serial in truth} | set(sim.serials)
    assert all(device.commissioned_at is not None for device in found.values())


@pytest.mark.slow
def test_a_device_that_changes_hands_has_a_version_with_each_account(home):
    at_home = home(account_type="engineer", children=2)
    sim = at_home.simulator
    first, second = (c["id"] for c in sim.truth_of("account-children", str(sim.account["id"])))
    (moved,) = sim.truth_of("account-devices", str(first))
    at_home.devices(*LISTS)
    sim.set_listing("account-devices", str(first), [])
    kept = sim.truth_of("account-devices", str(second))
    sim.set_listing("account-devices", str(second), [*kept, moved])
    at_home.refresh(DEVICES)
    serial = moved["inverter"]["serial"]
    assert at_home.rows(
        "SELECT account_id, valid_to IS NULL AS is_now FROM account_devices"
        f" WHERE inverter_serial = '{serial}' ORDER BY valid_from"
    ) == [{"account_id": first, "is_now": False}, {"account_id": second, "is_now": True}]


@pytest.mark.slow
def test_a_forgotten_device_is_gone_from_the_lists_of_child_accounts(home):
    at_home = home(account_type="engineer", children=2)
    at_home.devices(*LISTS)
    rows = at_home.rows("FROM account_devices ORDER BY account_id")
    forgotten = rows[0]["inverter_serial"]
    with at_home.session() as session:
        forget(
            session.lake,
            devices=[forgotten],
            decoders=decoders(datasets()),
            rewrite_body=without_devices,
        )
    assert [row["inverter_serial"] for row in at_home.rows("FROM account_devices")] == [
        rows[1]["inverter_serial"]
    ]
