"""Who may call, and how much: API keys, plans and rate limits."""

from veravox.accounts.keys import ApiKey, Scope
from veravox.accounts.plans import Limits, Plan
from veravox.accounts.quota import Quota
from veravox.accounts.service import AccountService, CreatedKey
from veravox.errors import RateUsage

__all__ = [
    "AccountService",
    "ApiKey",
    "CreatedKey",
    "Limits",
    "Plan",
    "Quota",
    "RateUsage",
    "Scope",
]
