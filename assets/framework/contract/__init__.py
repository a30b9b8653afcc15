"""Declarations of a dataset: requests, tables, columns, devices and times."""
