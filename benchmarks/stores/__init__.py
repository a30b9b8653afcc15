"""The stores, measured and killed."""
