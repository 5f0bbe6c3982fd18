"""The people who use the dashboard: their accounts, passwords and sessions."""

from veravox.users.service import UserService
from veravox.users.user import Role, SignedIn, SignInLink, User

__all__ = ["Role", "SignInLink", "SignedIn", "User", "UserService"]
