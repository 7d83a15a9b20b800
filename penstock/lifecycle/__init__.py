"""A deployment from outside: what is in the account of it, what of that may go, and in which order."""
