"""What operators write: strict YAML, where RabbitMQ is, secrets, and patterns."""
