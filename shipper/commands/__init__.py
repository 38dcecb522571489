"""Commands on a shipper's state and configuration: status, explain, rewind and test."""
