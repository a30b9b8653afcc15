"""What a dataset module declares: requests, tables, columns, devices and time."""
