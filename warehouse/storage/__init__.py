"""Locks, atomic file writes, transactions over file sets, and replaceable Parquet files."""

"""Locks, atomic file writes, transactions over file sets, and replaceable Parquet files."""
