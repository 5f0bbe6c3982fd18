"""Who did what to whose voiceprint: an append-only log whose entries vouch for those before."""

from veravox.audit.log import Action, AuditEntry, AuditLog, BrokenChain, check_chain

__all__ = ["Action", "AuditEntry", "AuditLog", "BrokenChain", "check_chain"]
