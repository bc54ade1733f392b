"""The fact as this room reads it, and the figures it answers."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chalicelib.shared.schemas import Day, MemberId, Request, Response

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
BENEFIT_USED = "benefit_used"


class UseIn(BaseModel):
    """Of the use of a benefit: which one, and the tier the member had then."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    benefit: Code
    tier: Code


class FactIn(BaseModel):
    """What is needed of a fact; what facts may carry besides is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    member_id: MemberId
    seq: int = Field(ge=1)
    kind: Code
    on: date
    points: int
    facts: dict[str, Any] = Field(default_factory=dict)


class MetricsQuery(Request):
    """Business dates, both included; at most 31 days."""

    from_: Day = Field(alias="from")
    to: Day


class UseOut(Response):
    benefit: str
    tier: str
    uses: int


class FigureOut(Response):
    """`uses`: of the uses of benefits (kind `benefit_used`), how many of which benefit by members of which tier."""

    day: date
    kind: str
    entries: int
    points: int
    uses: list[UseOut]


class MetricsOut(Response):
    items: list[FigureOut]
    next_cursor: None = None
