"""The HTTPS front door: accepts requests, tells how they fare, hands out results."""
