"""What is complete, late, missing or in need of attention."""
