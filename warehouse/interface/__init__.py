"""The interface of a dataset to the stores: table specifications and the decoder protocol."""
