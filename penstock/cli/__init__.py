"""The ``penstock`` command; see ``main`` for the commands and ``exits`` for the exit codes."""
