"""What a dataset hands to the stores: specifications of its tables, and its decoder."""
