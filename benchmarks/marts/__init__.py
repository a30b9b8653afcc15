"""The cookbook of the marts: its account, its answers, and what they cost in SQL."""
