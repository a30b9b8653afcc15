"""Other ways to fetch the same rows from the same server: what givlake is compared with."""
