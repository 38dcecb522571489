"""What each process tells of itself over RabbitMQ, for whoever watches the fleet. Optional, and never in the way."""
