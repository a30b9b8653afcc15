"""The simulated installations: who exists and what was measured, all derived from the seed."""
