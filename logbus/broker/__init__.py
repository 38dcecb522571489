"""RabbitMQ: the topology, a connection that comes back, publishing and consuming. pika lives here only."""
