"""The yardstick: the application's own process, which starts, answers one login, and ends.

python tests/benchmarks/bare_request.py postgresql://user:password@host/migrated-database
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    os.environ["DATABASE_URL"] = sys.argv[1]
    sys.path.insert(0, str(Path(__file__).parent.parent.parent))
    from tests.app.main import create_app

    credentials = {"email": "ada@example.com", "password": "correct horse battery staple"}
    answer = create_app().test_client().post("/api/v1/auth/login", json=credentials)
    print(answer.status_code)
    return 0 if answer.status_code == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
