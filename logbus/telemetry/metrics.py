"""Every metric: its kind, what it means, and on which shore it is counted."""

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]
Shore = Literal["shipper", "sink", "both"]


class Metric(NamedTuple):
    """A metric. A counter is served with the suffix `_total`, as Prometheus requires."""

    kind: Kind
    shore: Shore
    meaning: str


SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""The upper bounds of a histogram's buckets."""
ABSENT: Final = frozenset(
    {"logbus_certificate_expires_seconds", "logbus_disk_free_bytes", "logbus_reload_seconds", "logbus_reload_success"}
)
"""Metrics without a sample until they have a value: a 0 would mean something."""

_Kinds = dict[str, tuple[Kind, str]]

_BOTH: Final[_Kinds] = {
    "logbus_connected": ("gauge", "1 while the connection to RabbitMQ works, else 0."),
    "logbus_connections": ("counter", "Connections opened to RabbitMQ."),
    "logbus_certificate_expires_seconds": (
        "gauge",
        "When a certificate (certificate=ca, client or server) expires, in seconds since 1970.",
    ),
    "logbus_accelerators": ("gauge", "1 for each accelerator (library=...) that is there, else 0."),
    "logbus_disk_free_bytes": ("gauge", "Free bytes where this process writes (directory=state or outputs)."),
    "logbus_build_info": ("gauge", "1, with the version as a label."),
    "logbus_reload_seconds": ("gauge", "When the configuration was read again last, on SIGHUP, in seconds since 1970."),
    "logbus_reload_success": ("gauge", "1 if it was in order then and is in force, else 0."),
}
_SHIPPER: Final[_Kinds] = {
    "logbus_published_batches": ("counter", "Batches handed to the publisher."),
    "logbus_published_records": ("counter", "Records in those batches."),
    "logbus_published_bytes": ("counter", "Bytes of records in those batches, before compression."),
    "logbus_wire_bytes": ("counter", "Bytes of message bodies sent, resends included."),
    "logbus_resent_batches": ("counter", "Batches sent again after a lost connection, a nack or a return."),
    "logbus_nacked_batches": ("counter", "Batches refused by a full queue; they were sent again."),
    "logbus_returned_batches": ("counter", "Batches returned because no queue was bound; they were sent again."),
    "logbus_in_flight_batches": ("gauge", "Batches published and not yet confirmed."),
    "logbus_lost_bytes": ("counter", "Bytes that disappeared from a source before they could be read."),
    "logbus_ignored_files": ("counter", "Files that were not shipped because of ignore_older."),
    "logbus_missing_files": ("counter", "Files that were gone at a start: their unread bytes are lost."),
    "logbus_truncations": ("counter", "Files truncated or rewritten in place: a new stream began."),
    "logbus_disbelieved_times": ("counter", "Stated times in the future or from before 1990, of those looked at."),
    "logbus_undetected_records": ("counter", "Records without a stated severity, which got their input's default."),
    "logbus_dropped_records": ("counter", "Records dropped by the operator's filters (by=filter) or rate_limit."),
    "logbus_redactions": ("counter", "Texts replaced before they left the host."),
    "logbus_streams": ("gauge", "Streams being followed."),
    "logbus_behind_bytes": ("gauge", "Unconfirmed bytes of followed files, as of some seconds ago."),
    "logbus_held_lives": ("gauge", "Deleted or rotated files that are kept open."),
    "logbus_held_bytes": ("gauge", "Unread bytes of those files."),
}
_SINK: Final[_Kinds] = {
    "logbus_alert_messages": ("counter", "Messages that an alert sink sent (to=the destination)."),
    "logbus_alert_given_up_messages": ("counter", "Messages that could not be sent (to=the destination)."),
    "logbus_alert_open_incidents": ("gauge", "Incidents that an alert sink knows of, and that are not over."),
    "logbus_archive_deleted_files": ("counter", "Outputs that a file sink deleted, by keep, keep_days or keep_bytes."),
    "logbus_delivered_batches": ("counter", "Deliveries taken from the sink's queue."),
    "logbus_delivered_records": ("counter", "Records in those deliveries."),
    "logbus_delivered_bytes": ("counter", "Bytes of records in those deliveries, after decompression."),
    "logbus_written_bytes": ("counter", "Bytes that the sink wrote and committed."),
    "logbus_trimmed_bytes": ("counter", "Redelivered bytes that were already written: skipped."),
    "logbus_reordered_batches": ("counter", "Batches that arrived before their predecessor, and waited for it."),
    "logbus_unordered_batches": ("counter", "Batches whose predecessor did not arrive in time: written without it."),
    "logbus_gap_bytes": ("counter", "Bytes missing before those batches; they may still arrive."),
    "logbus_quarantined_messages": ("counter", "Messages that could not be decoded or written: sent to logs.dead."),
    "logbus_index_dropped_blocks": ("counter", "Blocks left out of a sink's index (why=busy or unsaved)."),
    "logbus_queue_messages": ("gauge", "Messages that wait in the sink's queue, as of some seconds ago."),
    "logbus_queue_consumers": ("gauge", "Consumers of that queue."),
    "logbus_read_to_commit_seconds": ("histogram", "From reading a batch from its file to the sink's commit."),
    "logbus_event_to_commit_seconds": ("histogram", "From the last event of a batch to the sink's commit."),
}

_SHORES: Final[tuple[tuple[Shore, _Kinds], ...]] = (("both", _BOTH), ("shipper", _SHIPPER), ("sink", _SINK))
METRICS: Final = {
    name: Metric(kind, shore, meaning) for shore, metrics in _SHORES for name, (kind, meaning) in metrics.items()
}
