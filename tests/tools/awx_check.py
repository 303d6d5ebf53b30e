# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the AWX kit against AWX's rules and against the role: ``awx_check.py [FOLDER]``.

AWX accepts most mistakes in silence and lets the job pay for them later, at night. The folder is
``playbooks/awx`` of this collection, or a copy of it that somebody changed.
"""

from __future__ import annotations

import functools
import re
import sys
import typing as t
from pathlib import Path

import yaml

COLLECTION = Path(__file__).resolve().parents[2]
SPECS = COLLECTION / "roles/safe_upgrade/meta/argument_specs.yml"

Data = dict[str, t.Any]

FIELDS = [
    ("api_token", "string", {"secret": True}),
    ("api_url", "string", {"format": "url"}),
    ("skip_tls_verification", "boolean", {}),
]
INJECTED = {"VPS_ORG_API_TOKEN", "VPS_ORG_API_URL", "VPS_ORG_VALIDATE_CERTS"}
QUESTION_TYPES = {
    "text",
    "textarea",
    "password",
    "integer",
    "float",
    "multiplechoice",
    "multiselect",
}
#: The role's entry point that a playbook runs, and the variables of the playbook itself.
PLAYBOOKS = {
    "snapshot.yml": ("snapshot", set()),
    "safe_upgrade.yml": ("main", {"safe_upgrade_what"}),
    "restore.yml": ("restore", {"safe_upgrade_confirm"}),
    "restore_unfinished.yml": ("restore_unfinished", set()),
    "prune.yml": ("prune", set()),
    "drill.yml": ("main", {"drill_confirm", "drill_uptime_confirm"}),
    "release.yml": ("release", set()),
    "status.yml": ("status", set()),
}
#: What an operator needs when git is away, or was away when the last night began.
RESCUE = {"restore.yml", "restore_unfinished.yml", "release.yml", "status.yml"}
ARTIFACT = "safe_upgrade_results"
JOB_KEYS = {
    *("name", "description", "playbook", "job_type", "forks", "timeout", "job_slice_count"),
    *("rescue", "allow_simultaneous", "survey_enabled", "survey_spec", "extra_vars", "verbosity"),
    *("force_handlers", "start_at_task", "job_tags", "skip_tags", "become_enabled", "limit"),
}
WORKFLOW_KEYS = {
    *("name", "description", "allow_simultaneous", "survey_enabled", "survey_spec", "nodes"),
}
NODE_KEYS = {
    *("identifier", "job_template", "project", "rescue", "inventory_source", "approval"),
    *("approval_timeout", "success_nodes", "failure_nodes"),
}
#: Nodes that bring something up to date, in their order.
UPDATES = ("project", "rescue", "inventory_source")
#: All that AWX 24.6.1 has: configuring again takes them away where somebody added them.
PROMPTS_OFF = {
    "job_template": [
        *("limit", "variables", "tags", "skip_tags", "inventory", "credential", "scm_branch"),
        *("job_type", "verbosity", "diff_mode", "execution_environment", "forks"),
        *("instance_groups", "job_slice_count", "labels", "timeout"),
    ],
    "workflow_job_template": [
        *("limit", "variables", "tags", "skip_tags", "inventory", "scm_branch", "labels"),
    ],
}
WHY_NO_PROMPT = {
    "limit": "shows any file of the job, the token among them: @/proc/self/environ",
    "variables": "replaces what the jobs before told, and the role's safeguards",
    "tags": "lets a user skip the snapshot",
    "skip_tags": "lets a user skip the snapshot",
}


class Unsafe(str):
    """A text that Ansible leaves as it is."""


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))


def load(path: Path) -> t.Any:
    return yaml.load(path.read_text(), Loader=_Loader)


def problems(kit: Data, folder: Path) -> list[str]:
    """Everything in *kit* that AWX or the role would not take as it is meant."""
    return [
        *_credential_type(kit["awx_kit_credential_type"]),
        *(found for job in kit["awx_kit_job_templates"] for found in _job_template(job, folder)),
        *_workflow(kit["awx_kit_workflow"], kit["awx_kit_job_templates"]),
        *_project(folder, kit["awx_kit_inventory_source"]),
        *_tasks(folder),
    ]


def _credential_type(kind: Data) -> t.Iterator[str]:
    where = "credential type"
    fields = {field["id"]: field for field in kind["inputs"]["fields"]}
    for field in fields.values():
        if "default" in field:
            yield f"{where}: AWX never applies a field's default: {field['id']}"
        if field["type"] == "boolean" and not field["id"].startswith("skip_"):
            yield f"{where}: an omitted boolean is false, so it must be safe then: {field['id']}"
    for name, wanted, more in FIELDS:
        field = fields.pop(name, {})
        if field.get("type") != wanted or any(field.get(key) != more[key] for key in more):
            yield f"{where}: field {name} must be {wanted} {more}; it is frozen once it is used"
    for name in fields:
        yield f"{where}: field {name} is unknown; fields are frozen once they are used"
    if kind["inputs"].get("required") != ["api_token"]:
        yield f"{where}: required must be [api_token]"
    for way in set(kind["injectors"]) - {"env"}:
        yield f"{where}: only env is injected; a survey would override {way}"
    injected = kind["injectors"].get("env", {})
    for name in injected:
        if name.startswith("ANSIBLE_"):
            yield f"{where}: AWX refuses the environment variable {name}"
    for name, text in injected.items():
        if not isinstance(text, str):
            yield f"{where}: the value of {name} must be a text, not {text!r}"
        elif "{" in text and not isinstance(text, Unsafe):
            yield f"{where}: {name} must be !unsafe, or Ansible templates it before AWX does"
        elif re.search(r"\||lookup", text):
            yield f"{where}: {name} uses a filter or lookup, which injectors do not have"
    if set(injected) != INJECTED:
        yield f"{where}: injects {sorted(injected)}, not {sorted(INJECTED)}"


def _job_template(job: Data, folder: Path) -> t.Iterator[str]:
    where = f"job template {job['name']}"
    yield from _prompts(where, job)
    for key in set(job) - JOB_KEYS:
        if not key.startswith("ask_"):
            yield f"{where}: AWX ignores the unknown key {key} in silence"
    if not isinstance(job.get("extra_vars", {}), dict):
        yield f"{where}: extra_vars must be a mapping"
    for key in ("force_handlers", "allow_simultaneous", "start_at_task", "job_tags", "skip_tags"):
        if job.get(key):
            yield f"{where}: {key} breaks the rollback: leave it off"
    if re.search(r"[@{]", str(job.get("limit", ""))):
        yield f"{where}: limit {WHY_NO_PROMPT['limit']}"
    if job.get("job_slice_count", 1) != 1:
        yield f"{where}: slices tell the next job their results in undefined order"
    if not job.get("forks"):
        yield f"{where}: without forks AWX takes 5, and a batch waits for itself"
    least = _role_seconds()
    if 0 < job["timeout"] < least:
        yield f"{where}: a timeout below {least} s cancels the job before a restore is done"
    if job["playbook"] not in PLAYBOOKS or not (folder / "project" / job["playbook"]).exists():
        yield f"{where}: the project has no playbook {job['playbook']}"
        return
    if job["playbook"] in RESCUE and not job.get("rescue"):
        yield f"{where}: must be of the rescue project: a night without git blocks the other's jobs"
    entry_point, own = PLAYBOOKS[job["playbook"]]
    options = _specs()[entry_point]["options"]
    for name in job.get("extra_vars") or {}:
        if name == ARTIFACT or name in options:
            yield f"{where}: {name} as an extra variable overrides what the jobs before told"
    for question in job["survey_spec"]["spec"]:
        yield from _question(where, question)
        name = question["variable"]
        if name in options:
            yield from _answer(where, question, options[name])
        elif name not in own | {"safe_upgrade_hosts"}:
            yield f"{where}: {job['playbook']} does not know the variable {name}"


def _prompts(where: str, template: Data) -> t.Iterator[str]:
    for key in template:
        prompt = key.removeprefix("ask_").removesuffix("_on_launch")
        if prompt != key and template[key] is not False:
            why = WHY_NO_PROMPT.get(prompt, "is nothing an operator needs")
            yield f"{where}: a prompt for {prompt} {why}: leave it off"


def _question(where: str, question: Data) -> t.Iterator[str]:
    name, default = question["variable"], question.get("default", "")
    where = f"{where}, question {name}"
    if not name.isidentifier():
        yield f"{where}: not a variable name, which AWX does not check"
    if name == ARTIFACT:
        yield f"{where}: the answer would replace what the jobs before told"
    if name == "safe_upgrade_what" and question["type"] != "multiplechoice":
        yield f"{where}: whoever launches it runs any role or file: give a list of choices"
    if question["type"] not in QUESTION_TYPES:
        yield f"{where}: AWX has no question type {question['type']}"
    if question["required"] and default != "":
        yield f"{where}: required with a default: an API launch without an answer is refused"
    if question["type"] == "multiselect" and default != "":
        yield f"{where}: AWX never applies the default of a multiselect"
    if question["type"] == "integer" and default != "" and not isinstance(default, int):
        yield f"{where}: the default of an integer must be one, not {default!r}"
    choices = question.get("choices", [])
    if any(not isinstance(choice, str) for choice in choices):
        yield f"{where}: AWX has no booleans: quote the choices {choices}"
    if choices and question["type"] == "multiplechoice" and default not in ("", *choices):
        yield f"{where}: the default {default!r} is not one of the choices"


def _answer(where: str, question: Data, option: Data) -> t.Iterator[str]:
    """What the role would refuse, or could not be told."""
    where = f"{where}, question {question['variable']}"
    text = option["description"]
    text = text if isinstance(text, str) else text[0]
    for choice in question.get("choices", []):
        if option.get("choices") and choice not in option["choices"]:
            yield f"{where}: the role does not know the choice {choice}"
    if option["type"] in ("dict", "list"):
        yield f"{where}: a survey cannot give a {option['type']}: set it in the inventory"
    if question["type"] == "integer" and not text.startswith("Integer"):
        yield f"{where}: the role does not want an integer"


def _workflow(workflow: Data, jobs: list[Data]) -> t.Iterator[str]:
    where = f"workflow {workflow['name']}"
    yield from _prompts(where, workflow)
    for key in set(workflow) - WORKFLOW_KEYS:
        if not key.startswith("ask_"):
            yield f"{where}: nothing applies the key {key}"
    by_name = {job["name"]: job for job in jobs}
    nodes = {node["identifier"]: node for node in workflow["nodes"]}
    children = {
        (name, way): node.get(way, [])
        for name, node in nodes.items()
        for way in ("success_nodes", "failure_nodes")
    }
    known = {child for found in children.values() for child in found}
    for name in known - set(nodes):
        yield f"{where}: there is no node {name}"
    playbooks = {}
    for name, node in nodes.items():
        for key in set(node) - NODE_KEYS:
            yield f"{where}: node {name}: nothing applies the key {key}"
        if "approval" in node:
            playbooks[name] = "approval"
        elif synced := [kind for kind in UPDATES if node.get(kind)]:
            playbooks[name] = synced[0]
        elif node.get("job_template") in by_name:
            playbooks[name] = by_name[node["job_template"]]["playbook"]
        else:
            yield f"{where}: node {name} runs the unknown job template {node.get('job_template')}"
            playbooks[name] = ""
    roots = [name for name in nodes if name not in known]
    began = [playbooks[name] for name in roots]
    while len(roots) == 1 and playbooks[roots[0]] in UPDATES:
        roots = children[roots[0], "success_nodes"]
        began += [playbooks.get(name, "") for name in roots]
    if began != [*UPDATES, "snapshot.yml"]:
        yield (
            f"{where}: must start with the project's update, then the rescue project's, then the "
            "server list's, then the snapshot alone: a cancelled job tells nothing, no later job "
            "may need git, and AWX starts no job of a rescue project that failed to update"
        )
    yield from _approvals(where, nodes, playbooks, children)
    for name in nodes:
        if playbooks[name] != "safe_upgrade.yml":
            continue
        failure = [playbooks.get(child) for child in children[name, "failure_nodes"]]
        if failure != ["restore_unfinished.yml"]:
            yield f"{where}: {name}'s failure must lead to restore_unfinished.yml, which ends red"
        if not any(name in children[root, "success_nodes"] for root in roots):
            yield f"{where}: {name} must follow the snapshot's success"
    if workflow.get("allow_simultaneous"):
        yield f"{where}: allow_simultaneous lets two nights change the same servers: leave it off"
    for (name, way), found in children.items():
        for child in found:
            if playbooks.get(child) == "prune.yml" and (
                way != "success_nodes" or playbooks[name] not in ("safe_upgrade.yml", "approval")
            ):
                yield f"{where}: prune only after the change's success, or its approval"
    asked = {question["variable"]: question for question in workflow["survey_spec"]["spec"]}
    used = {
        question["variable"]: question
        for node in nodes.values()
        for question in by_name.get(node.get("job_template"), {})
        .get("survey_spec", {})
        .get("spec", [])
    }
    for name, question in asked.items():
        yield from _question(where, question)
        if name not in used:
            yield f"{where}: no node's survey takes the answer {name}: AWX drops it in silence"
    for name, question in used.items():
        if question["required"] and name not in asked:
            yield f"{where}: nobody answers the required question {name}"
        elif name not in asked:
            yield (
                f"{where}: does not ask {name}, as a template does: the jobs after the first take "
                "what the workflow did not begin with for a guest's, and refuse it"
            )


def _approvals(
    where: str, nodes: Data, playbooks: dict[str, str], children: dict[tuple[str, str], list[str]]
) -> t.Iterator[str]:
    for name in (name for name in nodes if playbooks[name] == "approval"):
        if not nodes[name].get("approval_timeout"):
            yield f"{where}: {name} has no timeout: nobody's answer keeps the next night pending"
        after = [playbooks.get(child) for child in children[name, "failure_nodes"]]
        if after != ["status.yml"]:
            yield (
                f"{where}: {name} denied must lead to a job that changes nothing (status.yml): "
                "else a good night ends red"
            )


def _project(folder: Path, source: Data) -> t.Iterator[str]:
    required = folder / "project/collections/requirements.yml"
    names = [item["name"] for item in load(required)["collections"]] if required.exists() else []
    if "vps_org.cloud" not in [name.rpartition("/")[2].removesuffix(".git") for name in names]:
        yield "project: collections/requirements.yml must name vps_org.cloud"
    inventory = folder / "project" / source["source_path"]
    if not inventory.exists():
        yield f"inventory source: the project has no {source['source_path']}"
    elif source.get("update_on_launch"):
        yield "inventory source: update_on_launch keeps the restores from starting without the list"
    elif load(inventory).get("status"):
        yield "inventory source: a filter by status hides broken servers from the restore jobs"


def _tasks(folder: Path) -> t.Iterator[str]:
    for name in ("tasks/apply.yml", "remove.yml"):
        text = (folder / name).read_text()
        for line in re.findall(r"^\s*(?:- )?((?:awx\.awx|ansible\.controller)\.\w+):", text, re.M):
            yield f"{name}: {line} is fixed; the collection is a variable"
    applied: dict[str, list[Data]] = {}
    for task in _flat(load(folder / "tasks/apply.yml")):
        if "action" in task:
            applied.setdefault(task["action"].rpartition(".")[2], []).append(task["args"])
    if [args.get("update_secrets") for args in applied["credential"]] != [False]:
        yield "tasks/apply.yml: without update_secrets: false a second run changes the credential"
    given = [args["inputs"] for args in applied["credential"]]
    if any(isinstance(inputs, dict) and "api_url" in inputs for inputs in given):
        yield "tasks/apply.yml: an empty api_url must be left out: to AWX it is no URL"
    if any(args.get("scm_update_on_launch") is not False for args in applied["project"]):
        yield (
            "tasks/apply.yml, project: scm_update_on_launch must be false: it keeps the restores "
            "from starting while git is away"
        )
    if any("kind" not in args for args in applied["inventory"]):
        yield "tasks/apply.yml, inventory: without kind a run with --check takes it for changed"
    for kind, prompts in PROMPTS_OFF.items():
        for args in applied[kind]:
            yield from _prompts(f"tasks/apply.yml, {kind}", args)
            for prompt in prompts:
                if f"ask_{prompt}_on_launch" not in args:
                    yield f"tasks/apply.yml, {kind}: ask_{prompt}_on_launch must be false"


def _flat(tasks: list[Data]) -> t.Iterator[Data]:
    for task in tasks:
        yield from _flat(task["block"]) if "block" in task else [task]


@functools.cache
def _specs() -> Data:
    return t.cast(Data, load(SPECS)["argument_specs"])


def _role_seconds() -> int:
    """How long a snapshot and a restore may take, the change left out."""
    options = _specs()["main"]["options"]
    parts = ("snapshot", "reconnect", "restore", "reconnect")
    return sum(options[f"safe_upgrade_{part}_timeout"]["default"] for part in parts)


def main(folder: Path = COLLECTION / "playbooks/awx") -> int:
    found = problems(load(folder / "kit.yml"), folder)
    print(*(found or ["The AWX kit keeps AWX's rules and the role's."]), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
