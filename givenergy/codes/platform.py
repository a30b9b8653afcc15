"""Codes of the platform itself: answers, accounts, sites, notifications, communication devices.

API documentation, Response Codes, Account, Notifications and Site Status.
"""

from __future__ import annotations

from givenergy.codes.code import table

__all__ = ["CODES", "OBSERVED"]

RESPONSE_CODE = table(
    "response_code",
    (
        ("200", "OK", "Done; the content is in the answer."),
        ("201", "Created", "Done, and something new was made."),
        ("400", "Bad Request", "Understood, but it could not be done."),
        ("401", "Unauthorized", "The token is missing, wrong or withdrawn."),
        ("403", "Forbidden", "The account or the token's scopes do not reach this far."),
        ("404", "Not Found", "There is no such address or no such thing."),
        ("422", "Unprocessable Content", "A parameter is missing or has a wrong value."),
        ("429", "Too Many Requests", "The account has used up its requests for now."),
        ("500", "Internal Server Error", "The platform failed."),
        ("502", "Bad Gateway", "A part of the platform gave another no proper answer."),
        ("503", "Service Unavailable", "The platform is being worked on."),
        ("504", "Gateway Timeout", "The platform did not finish in time."),
    ),
)

# As the examples have them; listed and explained nowhere, so the words are guesses by the names.
ACCOUNT_ROLE = table(
    "account_role",
    (
        ("OWNER", "OWNER", "Owns the devices."),
        ("EXTERNAL", "EXTERNAL", "Has been given access from outside."),
        ("VIEWER", "VIEWER", "May look only."),
        ("SUB_CONTRACTOR", "SUB_CONTRACTOR", "Works for another account."),
    ),
)

COMMUNICATION_DEVICE_TYPE = table(
    "communication_device_type",
    (
        ("WIFI", "WIFI", "A dongle that uses the house's wireless network."),
        ("GPRS", "GPRS", "A dongle with a mobile connection of its own."),
    ),
)

BATTERY_TYPE = table(
    "battery_type",
    (
        ("LITHIUM", "LITHIUM", "Lithium cells."),
        ("LEAD_ACID", "LEAD_ACID", "Lead-acid cells."),
    ),
)

SITE_TYPE = table("site_type", (("SINGLE_PHASE", "SINGLE_PHASE", "One phase of the mains."),))

SITE_STATUS = table(
    "site_status",
    (
        ("vacant", "Vacant", "Nobody lives there."),
        ("opted_in", "Opted In", "Lived in, and part of a scheme."),
        ("opted_out", "Opted Out", "Lived in, and in no scheme by choice."),
    ),
)

NOTIFICATION_PLATFORM = table(
    "notification_platform",
    (
        ("persist", "persist", "Kept in the list of portal and app."),
        ("push", "push", "Shown on the phones that use the app."),
    ),
)

# 402 appears in later versions.
OBSERVED = (
    *table(
        "response_code", (("402", "Payment Required", "The account's plan does not cover this."),)
    ),
    *ACCOUNT_ROLE,
    *COMMUNICATION_DEVICE_TYPE,
    *BATTERY_TYPE,
    *SITE_TYPE,
)

CODES = (*RESPONSE_CODE, *SITE_STATUS, *NOTIFICATION_PLATFORM, *OBSERVED)
