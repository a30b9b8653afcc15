"""Marts against what is true inside the simulator, and what they cost to query."""
