"""A day of an API in seconds: the deployed scaling policy against arrivals, with AWS's delays."""
