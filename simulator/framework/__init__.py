"""What endpoint modules are built of: endpoints, listings of rows, pages, parameters."""
