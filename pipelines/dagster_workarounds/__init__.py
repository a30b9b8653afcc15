"""Workarounds for Dagster, each with the version and the upstream issue it waits for."""
