from . import session as session
