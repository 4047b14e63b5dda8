"""Publishers' dates as aware UTC datetimes; what can't be read for certain is None."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

from pydantic import JsonValue

# Years outside are placeholders ("0001-01-01", "9999-12-31"), and a client in another time zone can't show
# the first and the last day that a datetime can hold.
_FIRST_YEAR, _LAST_YEAR = 1900, 9998
_LONGEST = 100
_LONGEST_DATE = len("2026-03-01")
_DATE_AND_ZONE = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:?\d\d)", re.ASCII)
# Not what Python reads as well: any character between date and time, and (since 3.13) hour 24.
_DATE_AND_TIME = re.compile(r"[\dW-]+[T ](?!24)\S+", re.ASCII)

_HOURS_FROM_UTC = {
    "UTC": 0.0, "GMT": 0.0,
    "NST": -3.5, "NDT": -2.5, "AST": -4.0, "ADT": -3.0, "EST": -5.0, "EDT": -4.0, "CST": -6.0, "CDT": -5.0,
    "MST": -7.0, "MDT": -6.0, "PST": -8.0, "PDT": -7.0,
}  # fmt: skip
# "2014-04-15 14:00 Eastern Daylight Time (EDT)", and "2014-04-15 14:00 EDT"
_NAMED_ZONE = re.compile(r"(\S+[ T]\d\d:\d\d\S*) (?:[^()]*\(([A-Z]{3})\)|([A-Z]{3}))")


def moment(value: JsonValue) -> datetime | None:
    """ISO 8601 or "YYYY-MM-DD HH:MM name (ABBR)". No offset means UTC, a date alone its first instant there."""
    return _read(value, time_of_dates=time.min)


def deadline(value: JsonValue) -> datetime | None:
    """Read a ``moment``; a date alone means its last second, 23:59:59, in its zone where it has one."""
    return _read(value, time_of_dates=time(23, 59, 59))


def _read(value: JsonValue, *, time_of_dates: time) -> datetime | None:
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    try:
        found = _parsed(" ".join(value.split()), time_of_dates=time_of_dates)
        in_utc = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return in_utc if _FIRST_YEAR <= in_utc.year <= _LAST_YEAR else None


def _parsed(written: str, *, time_of_dates: time) -> datetime:
    if len(written) <= _LONGEST_DATE:
        return datetime.combine(date.fromisoformat(written), time_of_dates)
    written = written.upper()
    if day := _DATE_AND_ZONE.fullmatch(written):
        return datetime.fromisoformat(f"{day[1]}T{time_of_dates}{day[2]}")
    if _DATE_AND_TIME.fullmatch(written := re.sub(r" (?=[+-]\d)", "", written)):
        return datetime.fromisoformat(written)
    if (named := _NAMED_ZONE.fullmatch(written)) and (zone := named[2] or named[3]) in _HOURS_FROM_UTC:
        local = datetime.fromisoformat(named[1])
        if local.tzinfo is None:
            return local.replace(tzinfo=timezone(timedelta(hours=_HOURS_FROM_UTC[zone])))
    raise ValueError(written)
