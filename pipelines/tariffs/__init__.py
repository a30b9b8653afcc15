"""Tariffs: reading their files, and prices by half hour."""
