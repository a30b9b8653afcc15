"""A tariff with a price below 0, in another currency."""

TARIFF = """
name = "go"
currency = "EUR"
[[period]]
from = 2024-06-01
standing_charge = 53.80
import = [{ price = -27.00 }, { price = 8.50, start = "00:30", end = "05:30" }]
export = [{ price = 15.00 }]
"""
