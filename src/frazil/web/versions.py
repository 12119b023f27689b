"""Answers that a browser may keep: pictures and other files that have a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.app.products import Product

VersionQuery = Annotated[
    str | None,
    Query(max_length=64, description="version of the content, as in its ETag: then it may be kept for long"),
]
_LONG = "private, max-age=31536000, immutable"
_ASK_FIRST = "private, no-cache"


def versioned(
    read: Callable[[str | None], Product | None],
    media_type: str,
    if_none_match: str | None,
    version: str | None,
) -> Response:
    """Return a file with its ETag, or 304 where the asker has it.

    Parameters
    ----------
    read
        Reads it; given the version that the asker has, returns None if that is the present one.
    if_none_match
        The request's header.
    version
        The version named in the address; where it is the present one the answer may be kept for good.
    """
    known = _known(if_none_match)
    product = read(known)
    if product is None:
        return Response(status_code=304, headers={"ETag": f'"{known}"', "Cache-Control": _ASK_FIRST})
    lasting = version is not None and version == product.version
    headers = {"ETag": f'"{product.version}"', "Cache-Control": _LONG if lasting else _ASK_FIRST}
    return Response(product.content, media_type=media_type, headers=headers)


def _known(if_none_match: str | None) -> str | None:
    """Return the version of an If-None-Match header with one entry."""
    if if_none_match is None:
        return None
    return if_none_match.strip().removeprefix("W/").strip('"') or None
