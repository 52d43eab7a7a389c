"""The application: `flask --app tests.app.main run`, with DATABASE_URL in the environment."""

from __future__ import annotations

import os
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any

import jwt
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue  # noqa: TC002 - in signatures that Flask may read
from sqlalchemy import create_engine, make_url, select
from sqlalchemy.orm import Session

from tests.app.models import User
from tests.app.passwords import hash_password, verify_password

TOKEN_LIFETIME = timedelta(hours=1)
ALGORITHM = "HS256"


def create_app() -> Flask:
    """The application on the database that DATABASE_URL names.

    JWT_SECRET signs the tokens; without it they hold as long as this process lives. Nothing here
    makes or changes tables: migrations do.
    """
    app = Flask(__name__)
    # SQLAlchemy 2.1 reads `postgresql://` as psycopg 3: the installed driver is named.
    url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
    # Without hide_parameters a failing statement would log what a user typed.
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)
    secret = os.environ.get("JWT_SECRET") or secrets.token_hex(32)
    nobody = hash_password(secrets.token_hex(16))

    @app.post("/api/v1/auth/login")
    def login() -> ResponseReturnValue:
        email, password = _credentials(request.get_json(silent=True))
        if email is None or password is None:
            return jsonify(error="email and password are required"), 400
        with Session(engine) as session:
            user = session.scalar(select(User).where(User.email == email.lower()))
            # An unknown address takes as long as a wrong password.
            stored = nobody if user is None else user.hashed_password
            if not verify_password(password, stored) or user is None or not user.is_active:
                return jsonify(error="wrong email or password"), 401
            user.last_login_at = datetime.now(timezone.utc)
            answer = {"access_token": _token(user, secret), "token_type": "bearer"}
            session.commit()
        return jsonify(answer), 200

    @app.get("/api/v1/users/me")
    def me() -> ResponseReturnValue:
        user_id = _bearer(request.headers.get("Authorization", ""), secret)
        with Session(engine) as session:
            user = None if user_id is None else session.get(User, user_id)
            if user is None:
                return jsonify(error="log in first"), 401
            return jsonify(
                email=user.email,
                full_name=user.full_name,
                analyses=[analysis.title for analysis in user.analyses],
                preferences={
                    "clear_previous_anomalies": user.clear_previous_anomalies,
                    "show_clear_warning": user.show_clear_warning,
                    "max_reports": user.max_reports,
                    "max_templates": user.max_templates,
                },
            ), 200

    return app


def _credentials(body: Any) -> tuple[str | None, str | None]:
    values = body if isinstance(body, dict) else {}
    email, password = values.get("email"), values.get("password")
    return (
        email if isinstance(email, str) else None,
        password if isinstance(password, str) else None,
    )


def _token(user: User, secret: str) -> str:
    now = datetime.now(timezone.utc)
    claims = {"sub": str(user.id), "iat": now, "exp": now + TOKEN_LIFETIME}
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def _bearer(header: str, secret: str) -> int | None:
    try:
        claims = jwt.decode(header.removeprefix("Bearer "), secret, algorithms=[ALGORITHM])
        return int(claims["sub"])
    except (jwt.InvalidTokenError, KeyError, ValueError):
        return None
