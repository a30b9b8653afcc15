"""The archive served by the API's own paths: `givlake serve`."""
