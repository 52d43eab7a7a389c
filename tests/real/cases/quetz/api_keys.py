"""quetz's users log in by the key of an API key, a table of its own: two rows beside the user's."""

import uuid

from quetz.authorization import Rules
from quetz.db_models import ApiKey, Profile, User


def find(session, key):
    return Rules(key, {}, session).assert_user()


def create(session):
    user = User(id=uuid.uuid4().bytes, username="bob")
    user.profile = Profile(name="Bob", avatar_url="")
    session.add_all([user, ApiKey(key="bob-s-key", description="", user=user, owner=user)])
    return {"alice-s-key": "bob-s-key"}
