"""The attack corpus: messages that anyone who may publish could send, made by code."""
