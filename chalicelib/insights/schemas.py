"""The fact as this room reads it, and the figures it answers."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.shared.schemas import MemberId, Request, Response


class FactIn(BaseModel):
    """What is needed of a fact; what facts may carry besides is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    member_id: MemberId
    seq: int = Field(ge=1)
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    on: date
    points: int


class MetricsQuery(Request):
    """Business dates, both included; at most 31 days."""

    from_: date = Field(alias="from")
    to: date


class FigureOut(Response):
    day: date
    kind: str
    entries: int
    points: int


class MetricsOut(Response):
    items: list[FigureOut]
    next_cursor: None = None
