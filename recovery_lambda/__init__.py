"""Watches over the workers: ends what none of them ends, and reads the dead-letter queues."""
