"""What a fleet of accounts costs."""
