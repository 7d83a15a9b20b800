"""Why nothing, or not all, could be downloaded. Each text names the cause and what to do about it.

::

    Fault
    ├── Missing    no such bucket, no such object, nothing below the prefix
    ├── Denied     the task's role may not list or read there
    ├── Changed    an object was replaced in the middle of its download
    ├── Unusable   a key that cannot be a file, or a file where a folder must be
    ├── NoRoom     the disk is too small, or full
    └── Broken     S3 did not answer as it should, again and again
"""

from __future__ import annotations

import os


class Fault(Exception):
    """The program ends with ``exit_code``."""

    exit_code: int = os.EX_UNAVAILABLE


class Missing(Fault):
    """What is to be downloaded is not there."""

    exit_code = os.EX_NOINPUT


class Denied(Fault):
    """It is there, perhaps, and may not be read."""

    exit_code = os.EX_NOPERM


class Changed(Fault):
    """Another object lies under the key now; the next task downloads that one."""

    exit_code = os.EX_TEMPFAIL


class Unusable(Fault):
    """What was found does not fit into a file system."""

    exit_code = os.EX_DATAERR


class NoRoom(Fault):
    """The disk is too small."""

    exit_code = os.EX_CANTCREAT


class Broken(Fault):
    """The network or S3 failed for longer than it is tried again."""
