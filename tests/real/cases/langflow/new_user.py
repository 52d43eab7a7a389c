"""A user made by the model alone waits for approval: langflow's administrator makes this one."""

from langflow.services.database.models import User
from sqlalchemy import select


def create(session):
    alice = session.execute(select(User).where(User.username == "alice")).scalar_one()
    session.add(User(username="bob", password=alice.password, is_active=True))
    return {"alice": "bob"}
