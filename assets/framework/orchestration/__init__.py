"""Dagster assets of the datasets."""
