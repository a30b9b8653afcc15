"""Planning requests, fetching them into the archive and building the tables."""
