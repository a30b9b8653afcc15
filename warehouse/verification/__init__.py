"""Integrity checks, manifests, and comparison of tables with a rebuild from the archive."""
