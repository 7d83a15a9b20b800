"""Versions of what is stored and sent, and the rule for upgrades.

Each item of the table and each message says in ``v`` which version of Penstock's form it has; without it
the version is 1. A program reads its own version and the one before, so that an upgrade can find what is
already there. What a later program wrote it neither reads nor changes: it raises ``UnknownVersion``, and
whoever upgrades next finds everything as it was.
"""

from __future__ import annotations

from penstock.ports import DependencyError

#: What this program writes.
VERSION = 1

#: What it reads.
_READABLE = range(max(1, VERSION - 1), VERSION + 1)


class UnknownVersion(DependencyError):
    """An item or a message has a version that this program does not read: nothing was done to it.

    A fault of the moment to all who wait, retry or give back: it is over when the upgrade is.
    """


#: What reading an item or a message raises if no other try would read it, either.
UNREADABLE = (UnknownVersion, KeyError, TypeError, ValueError)


def check(version: object, *, of: str) -> None:
    """Raise ``UnknownVersion`` if what is called ``of`` has a version that is not for this program.

    None is what was stored before there were versions. What is no number from 1 on is nobody's version:
    whoever reads it finds that it is malformed.
    """
    if not isinstance(version, int) or version < 1 or version in _READABLE:
        return
    remedy = "upgrade this part of the deployment" if version > VERSION else "upgrade one version at a time"
    raise UnknownVersion(f"{of} has version {version}, and this is a program for version {VERSION}: {remedy}")
