"""Read inverters on the home network, over Modbus, into the archive and the tables."""
