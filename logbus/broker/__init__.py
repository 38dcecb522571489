"""RabbitMQ: topology, a connection that reconnects, publishing and consuming. No other package imports pika."""
