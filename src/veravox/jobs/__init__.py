"""The durable queue: messages that say which row should be looked at."""

from veravox.jobs.messages import Lane, Message, RetryLater
from veravox.jobs.queue import JobQueue

__all__ = ["JobQueue", "Lane", "Message", "RetryLater"]
