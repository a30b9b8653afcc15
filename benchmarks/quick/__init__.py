"""Counts of fixed works, which do not depend on how fast the machine is."""
