"""Import of the statistics into a real Home Assistant recorder."""
