"""The request budget, measured."""
