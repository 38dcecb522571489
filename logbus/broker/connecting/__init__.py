"""A daemon's connection to RabbitMQ, kept open: where to connect, when to try again, and the loop that it runs in."""
