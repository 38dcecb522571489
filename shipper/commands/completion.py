"""`logbus-shipper completion`: what makes a shell complete its command line."""

from logbus.command_line.completion import command_for

completion = command_for("logbus-shipper")
