"""Reads `[login]` and `[login.request]`: who logs in, and by what request."""

from __future__ import annotations

import json
import re
from typing import Any

from pytest_schemaguard.config import Login, Request
from pytest_schemaguard.configuration.toml_table import FUNCTION, TABLE, TableReader, shown


class LoginReader(TableReader):
    """What each of their keys is."""

    def login(self, key: str, value: Any) -> Login:
        section = f"{TABLE}.{key}"
        values = self.read(
            section,
            self.table(key, value),
            {
                "model": ("model", self.text),
                "by": ("by", self.text),
                "call": ("call", self.function),
                "create": ("create", self.create),
                "request": ("request", self.request),
            },
        )
        named = [name for name in ("model", "by") if name in values]
        if len(named) == 1 or (not named and "call" not in values):
            missing = "by" if named == ["model"] else "model"
            fix = 'such as: model = "User", by = "email"; or call = "module:function" of a Session'
            raise self.wrong(key, f"`{missing}` is missing", fix)
        if not named and isinstance(values.get("create"), tuple):
            fact = "nothing says what {value} is like"
            raise self.wrong(f"{key}.create", fact, "add `model` and `by`, whose value it is")
        return Login(**values)

    def create(self, key: str, value: Any) -> str | tuple[str, ...]:
        if isinstance(value, str) and FUNCTION.fullmatch(value):
            return value
        command = self.command(key, value)
        if not any("{value}" in part for part in command):
            raise self.wrong(
                key,
                f"{shown(value)} is no module:function, and no command with {{value}}",
                'put {value} where the command takes the new row\'s `by`: "flask add-user {value}"',
            )
        return command

    def request(self, key: str, value: Any) -> Request:
        section = f"{TABLE}.{key}"
        values = self.read(
            section,
            self.table(key, value),
            {
                "app": ("app", self.function),
                "serve": ("serve", self.command),
                "method": ("method", self.method),
                "path": ("path", self.path),
                "json": ("json", self.json),
                "form": ("form", self.texts),
                "basic": ("basic", self.basic),
                "body": ("body", self.any_text),
                "headers": ("headers", self.headers),
                "status": ("status", self.status),
                "lifespan": ("lifespan", self.flag),
                "timeout-s": ("timeout_s", self.seconds),
            },
        )
        if ("app" in values) == ("serve" in values):
            fact = "both `app` and `serve`" if "app" in values else "neither `app` nor `serve`"
            raise self.wrong(key, fact, 'name one: app = "app.main:app"')
        bodies = [name for name in ("json", "form", "body") if name in values]
        if len(bodies) > 1:
            raise self.wrong(key, f"several bodies: {', '.join(bodies)}", "keep one of them")
        return Request(**values)

    def method(self, key: str, value: Any) -> str:
        if not re.fullmatch(r"[A-Za-z]+", self.text(key, value)):
            raise self.wrong(key, f"{shown(value)} is no HTTP method", 'write "POST", "GET" ...')
        return str(value)

    def path(self, key: str, value: Any) -> str:
        if "://" in self.text(key, value).partition("?")[0]:
            raise self.wrong(key, "a whole URL", 'write the path alone: "/login"')
        return str(value)

    def json(self, key: str, value: Any) -> Any:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            fact = "it holds what JSON has no word for: a date, a time, inf or nan"
            raise self.wrong(key, fact, "write dates in quotes, and numbers that end") from None
        return value

    def headers(self, key: str, value: Any) -> dict[str, str]:
        """As RFC 9110 has them: https://www.rfc-editor.org/rfc/rfc9110#name-fields."""
        headers = self.texts(key, value)
        for name, one in headers.items():
            if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII):
                raise self.wrong(key, f"{shown(name)} is no name of a header", 'such as "X-Token"')
            if not all(" " <= char <= "\xff" or char == "\t" for char in one):
                fact = f"the value of {name} has characters that no header can hold"
                raise self.wrong(key, fact, "write it on one line, in Latin-1")
        return headers

    def basic(self, key: str, value: Any) -> tuple[str, str]:
        if (
            not isinstance(value, list)
            or [type(one) for one in value] != [str, str]  # exactly user and password
        ):
            raise self.wrong(key, "not a user and a password", 'write basic = ["user", "password"]')
        return (value[0], value[1])

    def status(self, key: str, value: Any) -> tuple[int, ...]:
        values = value if isinstance(value, list) else [value]
        first, last = 100, 599
        if not values:
            raise self.wrong(key, "an empty list", "write 200, or [200, 302]")
        for one in values:
            if isinstance(one, bool) or not isinstance(one, int) or not first <= one <= last:
                raise self.wrong(key, f"{shown(one)} is no HTTP status", "write 200, or [200, 302]")
        return tuple(values)
