"""API tokens and share links."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from frazil.app import tokens
from frazil.app.access import Scope  # noqa: TC001 - pydantic reads annotations
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentHub, RowId, SessionId, guarded

router = APIRouter(tags=["people"])


class Token(BaseModel):
    """An API token, without its secret."""

    id: int
    user_id: int
    login: str
    name: str
    scope: Scope = Field(description="the most it may do")
    group_id: int | None
    created_at: float
    expires_at: float | None
    last_used_at: float | None


class TokenWithSecret(Token):
    """An API token just made."""

    token: str = Field(description="shown only now; goes into the header: Authorization: Bearer …")


class NewToken(Asked):
    """A token to be made."""

    name: str = Field(min_length=1, max_length=100)
    scope: Scope = "viewer"
    group_id: int | None = Field(None, ge=1, le=2**31 - 1, description="only in this group")
    days: float | None = Field(None, gt=0, le=3650, description="none: until it is removed")


class ShareLink(BaseModel):
    """A link by which anybody can look at a session, without its secret."""

    id: int
    session_id: int
    created_by: int | None
    created_by_login: str | None
    created_at: float
    expires_at: float


class ShareLinkWithSecret(ShareLink):
    """A share link just made."""

    token: str = Field(description="shown only now")
    path: str = Field(description="what to open on this server")


class NewShareLink(Asked):
    """A share link to be made."""

    days: float = Field(7, gt=0, le=365)


@router.get("/tokens", operation_id="listTokens", **guarded("account"))
def list_tokens(hub: CurrentHub, actor: CurrentActor) -> list[Token]:
    """One's own API tokens; for admins all."""
    return [Token.model_validate(token) for token in tokens.list_tokens(hub, actor)]


@router.post("/tokens", operation_id="addToken", status_code=201, **guarded("account"))
def add_token(hub: CurrentHub, actor: CurrentActor, body: NewToken) -> TokenWithSecret:
    """Make an API token; its secret is shown only now."""
    made = tokens.add_token(
        hub, actor, name=body.name, scope=body.scope, group_id=body.group_id, days=body.days
    )
    return TokenWithSecret.model_validate(made)


@router.delete("/tokens/{token_id}", operation_id="removeToken", status_code=204, **guarded("account"))
def remove_token(hub: CurrentHub, actor: CurrentActor, token_id: RowId) -> None:
    """End an API token."""
    tokens.remove_token(hub, actor, token_id)


@router.get("/sessions/{session_id}/share-links", operation_id="listShareLinks", **guarded("operator"))
def list_share_links(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[ShareLink]:
    """Share links of a session."""
    found = tokens.list_share_links(hub, actor, session_id)
    return [ShareLink.model_validate(link) for link in found]


@router.post(
    "/sessions/{session_id}/share-links",
    operation_id="addShareLink",
    status_code=201,
    **guarded("operator"),
)
def add_share_link(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: NewShareLink
) -> ShareLinkWithSecret:
    """Make a link by which anybody can look at the session; its secret is shown only now."""
    made = tokens.add_share_link(hub, actor, session_id, body.days)
    return ShareLinkWithSecret.model_validate({**made, "path": f"/api/share/{made['token']}"})


@router.delete(
    "/sessions/{session_id}/share-links/{link_id}",
    operation_id="removeShareLink",
    status_code=204,
    **guarded("operator"),
)
def remove_share_link(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, link_id: RowId) -> None:
    """End a share link."""
    tokens.remove_share_link(hub, actor, session_id, link_id)
