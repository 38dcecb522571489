"""The sink type `web`: a page on which people read records as they come, search the archive, and see the fleet.

    live/     what is shown to whom: filters, and a bounded ring for each browser
    http/     the server: who may come in, the page's files, what it asks for
    archive/  searches, and one record by its link

RabbitMQ is served by the daemon's thread, browsers by another, and a third runs the filters of all who look; a lock
around the hub is all they share. A slow browser or filter misses records, which are counted, and slows nobody else.
"""

from sinks.web.settings import Settings
from sinks.web.sink import Web, durable, gives_way, hears, open_sink

__all__ = ["Settings", "Web", "durable", "gives_way", "hears", "open_sink"]
