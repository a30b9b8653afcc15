"""Measurements of publishing to Delta tables."""
