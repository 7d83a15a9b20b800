"""Batch mode: a worker of one job, which ends with it."""
