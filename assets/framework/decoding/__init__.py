"""From archived responses to validated rows, quarantined rows and drift."""
