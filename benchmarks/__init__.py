"""What givlake costs and withstands, measured; see README.md."""
