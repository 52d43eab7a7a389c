"""The workflow of GitHub Actions is valid, and says the same as the rest of this repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pytest_schemaguard.configuration.settings import SUPPORTED_MAJORS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
JOBS: dict[str, Any] = WORKFLOW["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
RUNS = [step["run"] for step in STEPS if "run" in step]
OWN_PATH = re.compile(
    r"(?<![\w./-])((?:tests|migrations|pytest_schemaguard|\.ci|\.github)(?:/[\w.-]+)*|pyproject\.toml)"
)


def matrix(key: str) -> set[str]:
    return {entry[key] for entry in JOBS["test"]["strategy"]["matrix"]["include"]}


def validate(workflow: object) -> None:
    # SchemaStore's schema, as check-jsonschema carries it.
    schema = files("check_jsonschema") / "builtin_schemas/vendor/github-workflows.json"
    jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(workflow)


def test_workflow_fits_the_schema_of_github() -> None:
    # YAML 1.1 reads the key `on` as true.
    validate({"on" if key is True else key: value for key, value in WORKFLOW.items()})


def test_the_schema_refuses_a_misspelled_key() -> None:
    job = {"runs-on": "ubuntu-24.04", "step": []}
    with pytest.raises(jsonschema.ValidationError):
        validate({"on": "push", "jobs": {"test": job}})


def test_matrix_has_the_pythons_of_the_classifiers() -> None:
    prefix = "Programming Language :: Python :: 3."
    classified = {c.rpartition(" ")[2] for c in PYPROJECT["project"]["classifiers"] if prefix in c}
    assert matrix("python") == classified


def test_matrix_has_the_postgresqls_that_the_configuration_accepts() -> None:
    assert matrix("postgres") == {str(major) for major in SUPPORTED_MAJORS}


def test_other_jobs_use_a_python_of_the_matrix() -> None:
    versions = {
        step["with"]["python-version"]
        for step in STEPS
        if step.get("uses", "").startswith("actions/setup-python@")
    }
    assert versions - {"${{ matrix.python }}"} <= matrix("python")


def test_tokens_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in JOBS.values())


@pytest.mark.parametrize("job", JOBS)
def test_each_job_ends(job: str) -> None:
    assert 0 < JOBS[job]["timeout-minutes"] <= 30


def test_an_older_run_of_a_pull_request_is_cancelled() -> None:
    assert WORKFLOW["concurrency"]["group"] == "ci-${{ github.ref }}"


def test_actions_are_pinned_to_a_version() -> None:
    used = {step["uses"] for step in STEPS if "uses" in step}
    assert {name for name in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+){0,2}", name)} == (
        set()
    )


def test_extras_are_those_of_the_package() -> None:
    extras = set(re.findall(r"""(?:['"]\.|\))\[([\w,]+)\]""", "\n".join(RUNS)))
    assert extras == {"test"}
    assert extras <= set(PYPROJECT["project"]["optional-dependencies"])


def test_paths_are_those_of_the_repository() -> None:
    named = {path for run in RUNS for path in OWN_PATH.findall(run)}
    # The package's folder is gone where its wheel is tested.
    packages = set(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert {"pyproject.toml", *packages} <= named
    assert [path for path in named if not (ROOT / path).exists() and path not in packages] == []


def test_markers_are_declared() -> None:
    used = set(re.findall(r"pytest.* -m '?(?:not )?(\w+)", "\n".join(RUNS)))
    declared = {
        marker.split(":")[0] for marker in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]
    }
    assert used == {"docker", "real"}
    assert used <= declared


def test_wheel_is_tested_without_the_folder_it_was_built_from() -> None:
    runs = [step.get("run", "") for step in JOBS["test"]["steps"]]
    removes = next(i for i, run in enumerate(runs) if "rm -r pytest_schemaguard" in run)
    tests = next(i for i, run in enumerate(runs) if re.search(r"^pytest ", run, re.MULTILINE))
    assert removes < tests
    assert "dist/*.whl" in runs[removes]
    assert not [run for run in runs if "-e " in run]


def test_artifacts_taken_were_made_by_a_job_that_is_waited_for() -> None:
    made, taken = {}, []
    for name, job in JOBS.items():
        for step in job["steps"]:
            action = step.get("uses", "").partition("@")[0]
            if action == "actions/upload-artifact":
                made[step["with"]["name"]] = name
            elif action == "actions/download-artifact":
                taken.append((step["with"]["name"], job["needs"]))
    assert taken == [("dist", "build")]
    assert all(made[artifact] == needs for artifact, needs in taken)


def test_guard_job_runs_the_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"<!-- guard -->\n```\w*\n(.+)\n```", readme)
    assert command is not None, "README.md: no command below <!-- guard -->"
    assert [step["run"] for step in JOBS["guard"]["steps"] if "run" in step] == [command[1]]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.split("\n")[0][:40])
def test_scripts_are_bash(run: str) -> None:
    script = re.sub(r"\$\{\{.*?\}\}", "value", run)
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
