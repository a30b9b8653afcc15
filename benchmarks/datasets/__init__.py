"""Requests and comparisons of all datasets, measured."""
