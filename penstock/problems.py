"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.errors import PenstockError

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem document; ``code`` is our stable extension member."""

    code: str
    status: int
    title: str
    detail: str

    @classmethod
    def of(cls, error: PenstockError) -> Problem:
        """The document that tells a caller about this error."""
        return cls(code=error.code, status=error.status, title=error.title, detail=str(error) or error.title)

    def document(self) -> dict[str, str | int]:
        """Members in the order of the RFC, then our own."""
        return {
            "type": f"urn:penstock:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
