"""Ends of requests told to the world: the table's stream to SNS and to signed webhooks."""
