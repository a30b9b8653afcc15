"""Locks, atomic files, transactions over groups of files, and files that replace live ones."""
