"""What reading an inverter on the home network costs."""
