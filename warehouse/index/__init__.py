"""The index of archived requests, and the watermarks of the tables."""
