"""Faults, gaps and tampering, and whether givlake names them."""
