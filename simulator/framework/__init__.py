"""Building blocks of endpoint modules: endpoints, listings of rows, pages, parameters."""
