"""The health of the data: states, gaps, freshness, notices, calendars and checks."""
