"""The steps of the batch state machines: plan, enqueue, seal, finish, stop."""
