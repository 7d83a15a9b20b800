"""Notices: what happened to a request, told to whoever asked (N1 to N7). Nothing here does I/O."""
