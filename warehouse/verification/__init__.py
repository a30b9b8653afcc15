"""Integrity checks, manifests, and comparison with tables rebuilt from the archive."""
