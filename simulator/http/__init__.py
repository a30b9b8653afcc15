"""The wire: requests, responses, the server, and what can go wrong between them and a client."""
