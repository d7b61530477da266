"""When nothing of a fleet, or of a wave, may be started: exam weeks, holidays, an audit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from hubstack.fleet.windows import TimeZone

MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2})?$"
_DAY = len("2026-12-01")


def _moment(text: str) -> str:
    try:
        if re.fullmatch(MOMENT, text):
            datetime.fromisoformat(text)
            return text
    except ValueError:  # such as 2026-02-30
        pass
    raise PydanticCustomError(
        "moment", "{shown}: no such day; write it like 2026-12-01 or 2026-12-01 08:00", {"shown": repr(text)}
    )


Moment = Annotated[str, AfterValidator(_moment), Field(json_schema_extra={"pattern": MOMENT})]
"""A day, or a day and a time of it, as the clocks of a time zone show it."""


class Freeze(BaseModel):
    """A time in which no stack is started; what has begun before it is finished in it."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, frozen=True, strict=True)

    begin: Moment = Field(alias="from", description="First day, 2026-12-01, or a time of it, 2026-12-01 08:00.")
    end: Moment = Field(alias="to", description="Last day, which belongs to it, or a time at which it ends.")
    time_zone: TimeZone = Field("UTC", alias="timeZone", description="IANA name, Europe/Berlin.")
    reason: str = Field(pattern=r"\S", description="Why; whoever is stopped by it reads this.")

    @model_validator(mode="after")
    def _is_in_order(self) -> Freeze:
        if self.starts >= self.ends:
            raise PydanticCustomError(
                "order", "ends before it begins: from {begin} to {end}", {"begin": self.begin, "end": self.end}
            )
        return self

    @property
    def starts(self) -> datetime:
        """Its first moment, in UTC."""
        return datetime.fromisoformat(self.begin).replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)

    @property
    def ends(self) -> datetime:
        """The first moment after it, in UTC."""
        written = datetime.fromisoformat(self.end) + timedelta(days=len(self.end) == _DAY)
        return written.replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)


@dataclass(frozen=True)
class Hold:
    """What keeps a wave from being started."""

    until: datetime
    """When it may be started again, in UTC."""
    reason: str

    def __str__(self) -> str:
        return f"frozen until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"


def hold(freezes: Sequence[Freeze], now: datetime) -> Hold | None:
    """What freezes say of a moment; those that follow one another without a gap count as one.

    Arguments:
        freezes: of the fleet and of the wave.
        now: an aware time.
    """
    until, met = now, dict[str, None]()
    while under_way := [each for each in freezes if each.starts <= until < each.ends]:
        met.update(dict.fromkeys(each.reason for each in under_way))
        until = max(each.ends for each in under_way)
    return Hold(until, "; ".join(met)) if met else None
