"""The base of everything that a campaign file may say."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Piece(BaseModel):
    """A frozen piece of a campaign file; unknown keys are an error, because a person wrote them."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
