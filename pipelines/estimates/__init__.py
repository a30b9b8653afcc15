"""Estimate what a backfill takes before it starts: its requests, and its time."""
