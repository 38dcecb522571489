"""What the doctors of both programs share: verdicts, the page that shows them, and checks of this host and RabbitMQ."""
