"""Event times: when each record happened, by the time that it states."""

from logbus.eventtime.custom import TimeFormat, compile_format
from logbus.eventtime.following import (
    FUTURE_US,
    EventTime,
    EventTimes,
    FileClock,
    event_time,
    event_times,
    text_of,
    time_of,
)
from logbus.eventtime.many import event_clocks, event_times_us, times_of_records
from logbus.eventtime.reading import Stated, TimeRules, prepare, rules_told, stated_time
from logbus.eventtime.zones import host_zone, name_of, portable_name, zone_named, zone_told

__all__ = [
    "FUTURE_US",
    "EventTime",
    "EventTimes",
    "FileClock",
    "Stated",
    "TimeFormat",
    "TimeRules",
    "compile_format",
    "event_clocks",
    "event_time",
    "event_times",
    "event_times_us",
    "host_zone",
    "name_of",
    "portable_name",
    "prepare",
    "rules_told",
    "stated_time",
    "text_of",
    "time_of",
    "times_of_records",
    "zone_named",
    "zone_told",
]
