"""How the demo ends badly."""


class DemoFailed(Exception):
    """A request or job did not end as it should."""
