"""Marts against what is true inside the simulator, what they cost to query, and the cookbook."""
