"""When a wave may start something: days and hours in a time zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
_STEPS = 8
"""Days to look ahead: each weekday comes once, today's may come again."""


def _days(value: Any) -> Any:
    """Expand ranges: ``mon-thu``."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        return value
    found: list[Any] = []
    for each in given:
        first, dash, last = each.partition("-") if isinstance(each, str) else (each, "", "")
        if first not in DAYS or (dash and last not in DAYS):
            raise PydanticCustomError(
                "day",
                "{shown}: no day; allowed: {days}, and ranges such as mon-thu",
                {"shown": repr(each), "days": ", ".join(DAYS)},
            )
        start, end = DAYS.index(first), DAYS.index(last or first)
        found += [DAYS[(start + step) % 7] for step in range((end - start) % 7 + 1)]
    return list(dict.fromkeys(found))


def _zone(value: str) -> str:
    # Names such as "../x" or absolute paths are refused by the library with ValueError, unknown ones with KeyError.
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError(
            "time_zone", "{shown}: no such time zone; write it like Europe/Berlin or UTC", {"shown": repr(value)}
        ) from None
    return value


TimeZone = Annotated[str, AfterValidator(_zone)]
"""A time zone that this machine knows, by its IANA name."""


def _hours(value: str) -> str:
    if not re.fullmatch(HOURS, value):
        raise PydanticCustomError(
            "hours",
            "{shown}: no hours; write them like 09:00-16:30, or 22:00-04:00 over midnight",
            {"shown": repr(value)},
        )
    return value


class Window(BaseModel):
    """A time in which stacks may be deployed; what has begun in it is finished after it."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)

    days: Annotated[list[str], BeforeValidator(_days)] = Field(
        default_factory=lambda: list(DAYS), min_length=1, description="Days of the week, ranges too: [mon-thu]."
    )
    hours: Annotated[str, AfterValidator(_hours)] = Field(
        "00:00-24:00", description="From and to, 09:00-16:00; 22:00-04:00 belongs to the day that it begins on."
    )
    time_zone: TimeZone = Field("UTC", description="IANA name, Europe/Berlin.")

    @cached_property
    def _span(self) -> tuple[time, timedelta]:
        first, _, last = self.hours.partition("-")
        start = timedelta(hours=int(first[:2]), minutes=int(first[3:]))
        end = timedelta(hours=int(last[:2]), minutes=int(last[3:]))
        return time(int(first[:2]), int(first[3:])), (end - start) if end > start else end - start + timedelta(days=1)

    def next_opening(self, now: datetime) -> datetime:
        """`now` if the window is open, else when it opens next, in UTC.

        Arguments:
            now: an aware time.
        """
        local = now.astimezone(ZoneInfo(self.time_zone))
        start, length = self._span
        for step in range(-1, _STEPS):
            day = local.date() + timedelta(days=step)
            if DAYS[day.weekday()] not in self.days:
                continue
            opens = datetime.combine(day, start, local.tzinfo)
            # Wall-clock arithmetic first, so that a night with a change of clocks ends at the hour that is written.
            closes = datetime.combine(day, start) + length
            if now < closes.replace(tzinfo=local.tzinfo).astimezone(UTC):
                return max(now, opens.astimezone(UTC))
        raise AssertionError("a window with at least one day opens within a week")


def wait_until(windows: Sequence[Window], now: datetime) -> datetime:
    """`now` if any window is open, or none is given; else when the first one opens."""
    return min((window.next_opening(now) for window in windows), default=now)
