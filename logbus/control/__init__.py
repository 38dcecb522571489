"""Questions and orders to one process over RabbitMQ, and its answers. Optional, and never in the way."""
