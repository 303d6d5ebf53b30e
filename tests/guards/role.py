# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of the role safe_upgrade, in the order of a night."""

from __future__ import annotations

from guards.form import Guard, Replaced, With, Without

UNIT = "tests/unit/plugins/plugin_utils/safe_upgrade/"
ROLE = "tests/integration/role/"
TOGETHER = "tests/integration/together/"
LOST_TOGETHER = ROLE + "test_hosts_lost_together.py::"
WAITING = ROLE + "test_hosts_that_wait.py::"
TASKS = "roles/safe_upgrade/tasks/"
PACKAGES = "roles/os_packages/tasks/"
KEYWORDS = ROLE + "test_keywords.py::"


def _code(module: str, name: str, by: str) -> Replaced:
    return Replaced(f"plugins/plugin_utils/safe_upgrade/{module}.py", name, by)


def _core(name: str, by: str) -> Replaced:
    return Replaced("plugins/plugin_utils/_core.py", name, by)


def _first(act: str) -> str:
    """A phase, before which *act* is done."""
    return f"lambda host: ({act}, original(host))[1]"


def _then(act: str) -> str:
    """A phase, after which *act* is done."""
    return f"lambda host: (original(host), {act})[0]"


def _asking(answer: str) -> str:
    """A phase whose requests are answered by *answer*, made of ``ask``, ``how`` and ``wanted``."""
    asked = f"(lambda ask: lambda *how, **wanted: {answer})(host.ask)"
    return _first(f"setattr(host, 'ask', {asked})")


def _passes(piece: str) -> Replaced:
    """A piece of the user's code that failed goes for one that passed."""
    return _code(
        "pieces",
        "attempt_failed",
        f"lambda host, piece, failure: passed(host, piece) if piece == '{piece}' "
        "else original(host, piece, failure)",
    )


_A_LOSS_ENDS_THE_PLAY = (
    Without(TASKS + "main.yml", "Upgrade safely", "ignore_unreachable"),
    Without(TASKS + "main.yml", "Run the change", "ignore_unreachable"),
)

#: The API is not asked right after the start of a restore.
_NOT_SEEN_AT_ONCE = (
    _code(
        "restoring",
        "restore",
        _asking("{} if how[0].__name__.endswith('server_info') else ask(*how, **wanted)"),
    ),
)

ATTACKS = "tests/integration/attacks/"
#: Sorting records: whoever told of a host first is believed, signed or not.
_THE_FIRST_COUNTS = (
    "lambda found, host, record, token: "
    "found.sure.setdefault(host, {**record, 'signature': {'by': CHANGE_JOB}})"
)

#: Every fact counts as the inventory does.
_FACTS_COUNT = (
    _code("variables", "_every", "lambda name: False"),
    _code("variables", "reserved", "lambda name: False"),
)

#: What stands in a file of the user's is evaluated before the snapshot.
_EVALUATED = _code(
    "begin",
    "_wrong_in_user_files",
    "lambda host: (original(host), [host.template(core.trusted(text)) "
    "for dummy, path, dummy in user_files(host) "
    "for text in keywords.texts.within(host.load(path))])[0]",
)

THREATS = {
    "records_under_own_names": Guard(
        "What a guest tells wipes no neighbour's record: a second one has a name that only the "
        "token gives.",
        ATTACKS + "test_statistics.py::"
        "test_nor_do_statistics_that_are_wiped_though_the_neighbour_is_silent",
        _code("told", "_own_name", "lambda host, token: RESULTS"),
    ),
    "records_are_signed": Guard(
        "A record that is not signed for its host decides nothing by itself.",
        ATTACKS + "test_statistics.py::test_a_record_alone_restores_no_silent_server",
        _code(
            "told",
            "_sort",
            "lambda found, host, record, token: "
            "found.sure.update({host: {**record, 'signature': {'by': CHANGE_JOB}}})",
        ),
    ),
    "settings_are_signed": Guard(
        "What a guest told sets no setting of a later job: each job signs what it was given.",
        ATTACKS + "test_statistics.py::"
        "test_a_variable_that_the_workflow_did_not_begin_with_leads_no_later_job",
        _code("told", "strange", "lambda extra, token: []"),
    ),
    "what_was_given_cannot_be_forged": Guard(
        "What a job was given is signed with the token, under a name that only the token gives.",
        ATTACKS + "test_statistics.py::test_an_answer_that_was_altered_is_refused",
        _code("told", "_given", "lambda extra, token: {str(name): 'x' for name in extra}"),
    ),
    "answers_of_one_workflow": Guard(
        "Answers to one workflow count in no other.",
        ATTACKS + "test_statistics.py::test_answers_of_one_workflow_are_none_of_another",
        _code(
            "told",
            "_given",
            "lambda extra, token: original({name: value for name, value in extra.items() "
            "if 'workflow' not in name}, token)",
        ),
    ),
    "no_template_by_hand": Guard(
        "An artefact that is given by hand runs no template on the controller.",
        ATTACKS + "test_statistics.py::test_by_hand_no_artefact_runs_a_template_or_a_command",
        _code("texts", "is_template", "lambda text: False"),
    ),
    "facts_lead_no_drill": Guard(
        "No fact of a guest says to which file of the controller a drill writes its report.",
        ATTACKS + "test_playbooks.py::"
        "test_facts_of_a_guest_lead_a_drill_to_no_file_of_the_controller_and_no_neighbour",
        _code("variables", "RESERVED", "('vps_org_', 'safe_upgrade_', 'inventory_hostname')"),
    ),
    "no_entry_point_reads_a_fact": Guard(
        "No fact of a guest stands above what the inventory says of its server.",
        ATTACKS + "test_facts.py::test_no_change_begins_under_a_forged_fact",
        _code("variables", "forged_among", "lambda facts, set_by_play: []"),
    ),
    "all_are_checked_before_any_snapshot": Guard(
        "A workflow that cannot begin on one server leaves no snapshot on the others.",
        ATTACKS + "test_guests.py::"
        "test_a_night_that_cannot_begin_on_one_leaves_no_snapshot_on_the_others",
        _code("arming", "_workflow_ends", "lambda host: None"),
    ),
    "restores_read_no_facts": Guard(
        "A restore goes by what the inventory says, whatever the facts of a guest say.",
        ATTACKS + "test_facts.py::test_a_restore_takes_its_own_server_back_whatever_the_facts_say",
        *_FACTS_COUNT,
    ),
    "status_reads_no_facts": Guard(
        "So does the status.",
        ATTACKS + "test_facts.py::test_the_status_is_that_of_the_own_server",
        _code("variables", "_every", "lambda name: False"),
    ),
    "no_pruning_under_forged_facts": Guard(
        "Nothing is deleted under a fact that stands above the inventory.",
        ATTACKS + "test_facts.py::test_nor_does_a_pruning",
        _code("variables", "forged_among", "lambda facts, set_by_play: []"),
    ),
    "a_forged_marker_keeps_its_own_server": Guard(
        "A guest with the marker of a run that never ended is not changed.",
        ATTACKS + "test_guests.py::test_a_guest_that_cannot_begin_keeps_no_neighbour_from_it",
        _code("preflight", "interrupted", "lambda *given, **named: ([], [])"),
    ),
    "a_marker_names_no_server": Guard(
        "The server that a marker names is not looked at.",
        ATTACKS + "test_guests.py::"
        "test_a_forged_marker_that_names_a_neighbour_has_only_its_own_server_restored",
        _code(
            "unfinished",
            "_due",
            "lambda host, found: (host.settings.update("
            "server_id=(host.look()['marker'] or {})['server_id']), original(host, found))[1]",
        ),
    ),
    "the_stamp_names_the_host": Guard(
        "A snapshot of another host is not restored before it is confirmed.",
        ATTACKS + "test_guests.py::"
        "test_a_snapshot_of_another_host_is_shown_and_restored_only_when_confirmed",
        _code("identity", "_of_the_stamp", "lambda host, snapshot: []"),
    ),
    "prune_by_stamp": Guard(
        "Pruning takes no snapshot that bears the stamp of another host.",
        ATTACKS + "test_guests.py::test_pruning_takes_no_snapshot_of_a_host_of_another_name",
        _code("snapshots", "stamped_for_another", "lambda row, host: None"),
    ),
    "a_report_that_hangs_is_left": Guard(
        "A file system that hangs holds no phase.",
        ATTACKS + "test_local_users.py::test_nor_does_a_file_system_that_hangs",
        _code(
            "journal",
            "write",
            "lambda directory, host, result, author, now: _append(directory, host, b'x')",
        ),
    ),
    "a_report_of_the_night_that_hangs_is_left": Guard(
        "A file system that hangs under the report of the night holds no host.",
        "tests/unit/plugins/plugin_utils/night/test_closing.py"
        "::test_a_folder_that_hangs_holds_nobody_for_long",
        Replaced("plugins/plugin_utils/_aside.py", "run", "lambda act: act()"),
    ),
    "one_server_by_its_number": Guard(
        "A number that a guest told names no server.",
        ATTACKS
        + "test_playbooks.py::test_statistics_of_a_guest_name_no_other_server_and_forge_no_verdict",
        _code("told", "strange", "lambda extra, token: []"),
    ),
    "a_told_setting_is_refused": Guard(
        "A setting that the workflow did not begin with is refused, for a template may mean it.",
        ATTACKS + "test_playbooks.py::test_a_setting_that_only_a_guest_told_changes_nothing",
        _code("told", "is_setting", "lambda name: False"),
    ),
    "a_forged_record_is_no_record": Guard(
        "The first record of a host is not the one that counts, but the signed one.",
        ATTACKS + "test_statistics.py::test_a_forged_record_takes_no_rollback_from_a_neighbour",
        _code("told", "_sort", _THE_FIRST_COUNTS),
    ),
    "nor_before_a_change": Guard(
        "So it is before a change.",
        ATTACKS + "test_statistics.py::test_a_forged_record_keeps_no_neighbour_from_its_upgrade",
        _code("told", "_sort", _THE_FIRST_COUNTS),
    ),
    "a_record_is_of_its_host": Guard(
        "The name of the host is signed as well.",
        ATTACKS + "test_statistics.py::test_a_record_of_one_host_is_of_no_use_for_another",
        _code(
            "told", "_record_mac", "lambda host, record, by, token: original('', record, by, token)"
        ),
    ),
    "signed_with_this_token": Guard(
        "Signed is what this job's token signed.",
        ATTACKS + "test_statistics.py::test_under_another_token_marker_and_stamp_must_agree",
        _code("told", "_mac", "lambda token, *texts: original('x', *texts)"),
    ),
    "an_answer_without_a_marker": Guard(
        "A guest that answers and bears no marker is not restored.",
        ATTACKS + "test_statistics.py::test_a_guest_that_answers_without_a_marker_is_not_restored",
        _code("unfinished", "_by_the_guest", "lambda host, record, now, marked: 'x'"),
    ),
    "silent_before_the_change": Guard(
        "A silent server is left when the job of the change ended before it began there.",
        ATTACKS + "test_statistics.py::test_a_silent_server_whose_change_had_not_begun_is_left",
        _code("told", "Told.began", "lambda self: False"),
    ),
    "one_number_for_all": Guard(
        "One extra variable names no server for several hosts.",
        ATTACKS + "test_statistics.py::test_one_number_for_all_hosts_is_refused_by_name",
        _code("keywords", "refused_ids", "lambda extra, hosts: None"),
        _code("told", "strange", "lambda extra, token: []"),
    ),
    "hosts_of_the_first_job": Guard(
        "The change begins on the hosts of the first job alone.",
        ATTACKS
        + "test_statistics.py::test_the_change_begins_on_no_host_that_the_first_job_did_not_have",
        _code("told", "Told.chose_hosts", "lambda self: False"),
    ),
    "the_server_of_the_record": Guard(
        "The record's server must be the inventory's.",
        ATTACKS + "test_statistics.py::test_the_change_is_not_led_to_another_server",
        _code("begin", "foreign", "lambda host, record, server_id: None"),
    ),
    "the_workflow_of_the_record": Guard(
        "A record of another workflow is none.",
        ATTACKS + "test_statistics.py::test_a_record_of_another_workflow_is_refused",
        _code("begin", "foreign", "lambda host, record, server_id: None"),
    ),
    "settings_let_no_snapshot_go": Guard(
        "What a guest told lets no snapshot go.",
        ATTACKS + "test_statistics.py::test_nor_does_it_let_snapshots_go",
        _code("told", "strange", "lambda extra, token: []"),
    ),
    "no_guessed_name": Guard(
        "What was given stands under a name that nobody guesses.",
        ATTACKS + "test_statistics.py::test_what_the_jobs_were_given_cannot_be_forged",
        _code("told", "_name_of_given", "lambda token: PREFIX + '0' * 32"),
        _code("told", "_given", "lambda extra, token: dict.fromkeys(map(str, extra), '0' * 32)"),
    ),
    "a_lost_host_is_red": Guard(
        "A host that was told of and that the play lacks ends it red.",
        ATTACKS + "test_statistics.py::test_a_told_host_that_the_play_lacks_ends_it_red",
        _code("unfinished", "missing", "lambda host: None"),
    ),
    "nothing_told_nothing_done": Guard(
        "A job that was told nothing restores nothing.",
        ATTACKS + "test_statistics.py::test_a_job_that_was_told_nothing_restores_nothing",
        _code("told", "is_given", "lambda extra: True"),
    ),
    "junk_is_no_record": Guard(
        "What is no record is passed over.",
        ATTACKS + "test_statistics.py::test_junk_in_place_of_the_records_decides_nothing",
        _code(
            "told",
            "_sort",
            "lambda found, host, record, token: "
            "(record['signature']['by'], original(found, host, record, token))[1]",
        ),
    ),
    "no_record_with_the_token": Guard(
        "No record holds the token.",
        ATTACKS + "test_statistics.py::test_no_record_tells_the_token",
        _code(
            "told",
            "_signed",
            "lambda host, result, by, token: {**original(host, result, by, token), 'x': token}",
        ),
    ),
    "a_guest_denies_no_restore": Guard(
        "What a guest told is taken out of the job that restores, and keeps it from nothing.",
        ATTACKS + "test_playbooks.py::test_statistics_of_a_guest_run_nothing_on_the_controller"
        "_and_keep_no_job_from_its_work",
        Replaced("plugins/plugin_utils/_core.py", "forget_given", "lambda loader, names: None"),
    ),
    "a_record_names_its_server": Guard(
        "A record of one server restores no other, whatever an extra variable says.",
        ATTACKS + "test_statistics.py::test_no_told_number_leads_to_another_server",
        _code("begin", "foreign", "lambda host, record, server_id: None"),
        _code("keywords", "refused_ids", "lambda extra, hosts: None"),
        _code("told", "strange", "lambda extra, token: []"),
        _code("unfinished", "_is_of_the_change", "lambda row, host, record: True"),
        _code("unfinished", "_by_the_guest", "lambda host, record, now, marked: 'x'"),
        _code("identity", "refused", "lambda host, snapshot=None: None"),
        _code(
            "snapshots", "of_run", "lambda rows, settings, run: [dict(row) for row in rows][-1:]"
        ),
    ),
    "an_api_that_is_away": Guard(
        "An API that is away for minutes ends no restore of the failure path.",
        ATTACKS + "test_statistics.py::test_the_api_being_away_for_minutes_ends_no_restore",
        _code(
            "unfinished",
            "_snapshots",
            "lambda host: host.ask(snapshot_info, server_id=host.settings['server_id'])",
        ),
    ),
    "a_marker_of_a_neighbour": Guard(
        "The server id in a marker leads no entry point to a neighbour.",
        ATTACKS + "test_denial.py::test_a_hostile_guest_reaches_no_other_server",
        _code(
            "host",
            "Host.look",
            "lambda self, *how: (lambda now: (self.settings.update("
            "server_id=(now['marker'] or {}).get('server_id') or self.settings['server_id']"
            "), now)[1])(original(self, *how))",
        ),
    ),
    "marker_of_this_run": Guard(
        "The marker of another run on the guest keeps the failure path from restoring.",
        ATTACKS + "test_statistics.py::test_the_work_of_another_run_is_not_erased",
        _code("unfinished", "_by_the_guest", "lambda host, record, now, marked: 'x'"),
    ),
    "identity_at_restore": Guard(
        "A restore compares the address with the API's list.",
        ATTACKS + "test_guests.py::test_a_host_at_a_neighbours_address_is_not_restored",
        _code("identity", "_of_the_address", "lambda host: []"),
    ),
    "report_is_an_ordinary_file": Guard(
        "A report is written to an ordinary file in a folder that only its user writes to.",
        ATTACKS + "test_local_users.py::test_a_report_that_cannot_be_trusted_holds_no_rollback",
        _code(
            "journal",
            "_append",
            "lambda directory, name, data, mode: open(directory + '/' + name, 'ab').write(data)",
        ),
    ),
    "a_look_is_of_its_guest": Guard(
        "What one guest answers is kept for no other.",
        ATTACKS + "test_denial.py::test_and_costs_the_neighbour_nothing",
        _code(
            "host",
            "Host.look",
            "lambda self, *how, kept={}: kept.setdefault('any', original(self, *how))",
        ),
    ),
    "no_fact_confirms": Guard(
        "No fact of a guest confirms that a server without the run's marker is overwritten.",
        ATTACKS + "test_facts.py::test_no_fact_lets_a_server_without_the_marker_be_overwritten",
        *_FACTS_COUNT,
    ),
    "facts_of_one_host": Guard(
        "The facts of one host keep no other from its change.",
        ATTACKS + "test_facts.py::test_facts_of_one_guest_keep_no_neighbour_from_anything",
        _core("facts", "lambda hostvars, host: original(hostvars, min(hostvars))"),
    ),
    "a_look_prints_no_escapes": Guard(
        "What a guest prints reaches no terminal as it is.",
        ATTACKS
        + "test_guests.py::test_what_a_look_prints_costs_no_neighbour_its_upgrade_or_rollback",
        _code("texts", "harmless", "lambda text, secrets, limit=1000: str(text)"),
        _code("texts", "harmless_data", "lambda value, secrets, limit=1000: value"),
    ),
    "reports_of_the_user": Guard(
        "Not every user of the controller reads a report.",
        ATTACKS + "test_local_users.py::test_a_report_has_a_line_for_each_state",
        _code(
            "journal",
            "append",
            "lambda directory, name, text, mode=0: original(directory, name, text, 0o666)",
        ),
    ),
    "all_are_checked_under_the_playbook": Guard(
        "So it is under the shipped playbook, as a job of a workflow.",
        ATTACKS + "test_playbooks.py::"
        "test_a_guest_that_cannot_begin_leaves_no_snapshot_of_the_workflow_on_a_neighbour",
        _code("arming", "_workflow_ends", "lambda host: None"),
    ),
    "answers_from_the_beginning": Guard(
        "The answers that the workflow began with are no guest's.",
        ATTACKS + "test_statistics.py::"
        "test_the_answers_that_the_workflow_began_with_are_followed_by_every_job",
        _code("told", "strange", "lambda extra, token: sorted(filter(_is_ours, map(str, extra)))"),
    ),
    "settings_by_hand": Guard(
        "A person may add a setting to what the jobs told.",
        ATTACKS + "test_statistics.py::test_by_hand_a_person_may_add_a_setting",
        _code("told", "is_setting", "lambda name: False"),
    ),
    "an_api_that_stays_away": Guard(
        "The failure path waits for the API as long as for a restore, and no longer.",
        ATTACKS + "test_statistics.py::"
        "test_the_api_being_away_for_good_ends_the_job_after_the_time_of_a_restore",
        _code("unfinished", "Deadline", "lambda seconds, clock: original(10 * seconds, clock)"),
    ),
    "a_refusal_is_an_answer": Guard(
        "An API that refuses is not asked again.",
        ATTACKS + "test_statistics.py::test_a_refusal_to_list_the_snapshots_is_not_asked_again",
        _code(
            "unfinished",
            "poll",
            "lambda look, deadline, pauses: original("
            "lambda: (lambda found: None if not found or found.get('failed') else found)(look()), "
            "deadline, pauses)",
        ),
    ),
    "records_are_no_templates": Guard(
        "What a record holds is read, and never templated.",
        ATTACKS + "test_statistics.py::test_a_template_in_a_record_is_never_run",
        _code(
            "unfinished",
            "_by_the_marker",
            "lambda host, found, now, marked: ([host.template(core.trusted(text)) for text in "
            "found.unsure[host.name].values()], original(host, found, now, marked))[1]",
        ),
    ),
    "statistics_end_no_run": Guard(
        "Statistics that ansible-core cannot read end no run, which would lose every rollback.",
        UNIT + "test_core.py::test_statistics_that_end_a_run_are_taken_out",
        _core("without_statistics", "lambda result: result"),
    ),
    "a_look_ends": Guard(
        "A guest that hangs holds no phase of the shipped playbooks for longer than a look.",
        ATTACKS + "test_playbooks.py::"
        "test_a_guest_that_denies_itself_costs_no_neighbour_its_rollback[hangs]",
        _code("reach", "limited", "lambda seconds: contextlib.nullcontext()"),
    ),
    "a_task_of_the_user_ends": Guard(
        "A task of the user that hangs is ended by the shipped playbook.",
        ATTACKS + "test_playbooks.py::"
        "test_a_task_that_hangs_is_ended_by_the_shipped_playbook_and_its_server_restored",
        Without("playbooks/safe_upgrade.yml", "Upgrade safely", "timeout"),
    ),
    "the_size_of_a_download_is_read_once": Guard(
        "The size of a download is searched for once a line: a flood holds no neighbour.",
        "tests/unit/test_floods_of_a_package_manager.py::"
        "test_a_flood_where_the_size_of_the_download_stands",
        With(
            PACKAGES + "download_apt.yml",
            "Know the size of the download",
            "ansible.builtin.set_fact",
            {
                "os_packages_size": "{{ os_packages_asked_size.stdout "
                "| regex_search('Need to get .*? of archives') | default('', true) }}"
            },
        ),
    ),
    "the_sources_of_packages_are_read_once": Guard(
        "Each line of the sources of packages is read by itself: a flood holds no neighbour.",
        "tests/unit/test_floods_of_a_package_manager.py::"
        "test_a_flood_where_the_sources_of_packages_stand",
        With(
            PACKAGES + "download_apt.yml",
            "Refuse to wait for security updates that cannot come",
            "ansible.builtin.assert",
            {"that": "os_packages_sources.stdout is search('(?m)^ release a=[^,]*-security')"},
        ),
    ),
    "waits_for_an_upgrade_end": Guard(
        "A guest that answers and never says how its upgrade went is waited for 20 times.",
        ATTACKS + "test_packages.py::test_a_guest_that_answers_and_never_says_how_the_upgrade_went",
        Without(PACKAGES + "wait.yml", "Refuse to wait without end"),
    ),
}

BEFORE = {
    "bad_arguments": Guard(
        "Every faulty variable is refused by its name, before anything is asked or sent.",
        UNIT + "test_settings.py::test_a_wrong_variable_is_refused_by_name",
        _code("settings", "_problems", "lambda settings, entry_point, playbook_dir: []"),
    ),
    "missing_file": Guard(
        "A user's file that is missing is named before the snapshot.",
        UNIT + "test_files.py::test_missing_and_broken_files_are_named",
        _code(
            "files",
            "problems",
            "lambda path, *given: original(path, *given) if os.path.isfile(path) else []",
        ),
    ),
    "no_role_is_refused": Guard(
        "What is no role is refused before the snapshot.",
        ROLE + "test_changes_by_name.py"
        "::test_what_is_no_change_is_refused_and_the_reason_told[relative]",
        _code(
            "roles",
            "problems",
            "lambda role, folder, *given: "
            "original(role, folder, *given) if not folder or os.path.isdir(folder) else []",
        ),
    ),
    "missing_include": Guard(
        "A missing include must not be met in the middle of the change.",
        UNIT + "test_files.py"
        "::test_a_file_that_an_include_misses_or_that_is_broken_is_named_before_the_change",
        _code("files", "_INCLUDES", "_STATIC"),
    ),
    "unparsed_file": Guard(
        "A broken file that is only included after the change would end the run without a rescue.",
        ROLE + "test_preflight.py::test_a_file_that_cannot_be_parsed_ends_before_the_snapshot",
        _code("begin", "read_user_files", "lambda host: []"),
    ),
    "unknown_module": Guard(
        "What only Ansible's parser sees is seen before the snapshot.",
        ROLE + "test_preflight.py::test_a_file_that_cannot_be_parsed_ends_before_the_snapshot",
        _core("parse", "lambda *given: (None, [])"),
    ),
    "file_ends_the_play": Guard(
        "meta: end_host and its like end the flow before the verification.",
        UNIT + "test_files.py::test_a_file_that_ends_the_play_is_refused_with_its_line",
        _code("metas", "refused", "lambda place, word, may_leave: []"),
    ),
    "imported_by_any_name": Guard(
        "A file that is imported by ansible.legacy.import_tasks may end the play too.",
        UNIT + "test_files.py::test_files_imported_statically_are_looked_into",
        _code(
            "files",
            "_INCLUDES",
            "tuple(key for key in original if key != 'ansible.legacy.import_tasks')",
        ),
    ),
    "missing_handler": Guard(
        "A notification that finds no handler ends Ansible itself, after the change.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[no-handler]",
        _code("preflight", "handlers", "lambda notified, known, more_may_come: ([], [])"),
    ),
    "blockers": Guard(
        "A blocker means no snapshot and no change.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written",
        _code(
            "before",
            "_verdicts",
            "lambda host, rows, servers, now: ([], *original(host, rows, servers, now)[1:])",
        ),
    ),
    "unhealthy_before": Guard(
        "A server that is sick before the change must not be restored for it afterwards.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[sick]",
        _passes("before"),
    ),
    "same_server": Guard(
        "Two hosts of one server would overwrite each other.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[twin-a]",
        _code("preflight", "same_server", "lambda server_id, others: []"),
    ),
    "same_server_of_a_later_batch": Guard(
        "A host of a later batch shares no server either, when a template names its server.",
        UNIT + "test_before.py"
        "::test_a_host_of_a_later_batch_is_seen_where_a_template_names_its_server",
        _code("variables", "named_server", "lambda host, other: None"),
    ),
    "one_candidate_of_a_complete_list": Guard(
        "The only snapshot that an incomplete list shows may not be the only one.",
        UNIT + "test_lists_that_lack_rows.py"
        "::test_the_only_candidate_shown_may_not_be_the_only_one",
        _code(
            "snapshots",
            "candidate",
            "lambda rows, settings, complete: original(rows, settings, True)",
        ),
    ),
    "identity": Guard(
        "The address of another server means that the restore would overwrite that one.",
        UNIT
        + "test_preflight.py::test_an_address_of_another_server_blocks_and_an_unknown_one_warns",
        _code("preflight", "identity", "lambda server_id, address, listed, strict: ([], [])"),
    ),
    "itself": Guard(
        "The controller cannot outlive its own restore.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[itself]",
        _code("preflight", "itself", "lambda *given: []"),
    ),
    "start_before": Guard(
        "Nothing is started after the end of the maintenance window.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[late]",
        _code("window", "closed", "lambda settings, now: []"),
    ),
    "start_before_the_snapshot": Guard(
        "What took long after the preflight is judged before the snapshot is taken.",
        ROLE + "test_snapshots.py::test_no_snapshot_is_taken_once_it_has_become_too_late",
        _code("arming", "take_snapshot", _first("host.settings.update(start_before=None)")),
    ),
    "no_module_runs": Guard(
        "Where no module runs, a healthy host would be taken for lost after the change.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[no-python]",
        _code("before", "_module_problem", "lambda host: []"),
    ),
    "not_active": Guard(
        "A server that is not active is not snapshotted.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[stopped]",
        _code(
            "preflight",
            "server",
            "lambda server_id, listed, *given: original("
            "server_id, listed and [{**row, 'status': 'active'} for row in listed], *given)",
        ),
    ),
    "servers_not_listed": Guard(
        "Servers that cannot be listed for the moment block: nobody knows whose the address is.",
        ROLE + "test_preflight.py::test_servers_that_cannot_be_listed_for_the_moment_block",
        _code(
            "preflight",
            "server",
            "lambda server_id, listed, why, may_not_list, complete: "
            "original(server_id, listed, why, True, complete)",
        ),
    ),
    "quota": Guard(
        "A full server is a blocker, and nobody's snapshot is deleted for it unasked.",
        ROLE + "test_preflight.py::test_a_blocker_is_named_and_nothing_is_written[full]",
        _code(
            "preflight",
            "snapshots",
            "lambda rows, *given: original(rows[: PER_SERVER - 1], *given)",
        ),
    ),
    "second_run": Guard(
        "A snapshot in progress means that another run is at work on the server.",
        ROLE + "test_ways_to_run.py::test_two_runs_at_once_on_one_server_do_not_meet",
        _code("preflight", "IN_PROGRESS", "'never'"),
    ),
    "another_run_meanwhile": Guard(
        "A run that began on the server since preflight stops this one before its change.",
        UNIT + "test_phases.py"
        "::test_another_run_that_began_meanwhile_keeps_the_change_from_beginning",
        _code(
            "preflight",
            "meanwhile",
            "lambda rows, known, *given: original(rows, {row['id'] for row in rows}, *given)",
        ),
    ),
    "start_at_task": Guard(
        "A phase that is reached past the beginning (--start-at-task) does nothing.",
        UNIT + "test_phases.py::test_a_phase_before_the_beginning_does_nothing",
        _code("phases", "run", _first("host.record.call or setattr(host.record, 'call', 'any')")),
    ),
    "fault_meanwhile": Guard(
        "A fault that came up while the snapshot was taken is none of the change's.",
        UNIT + "test_phases.py"
        "::test_a_fault_that_came_up_while_the_snapshot_was_taken_keeps_the_change_away",
        _code(
            "arming",
            "_against_the_change",
            "lambda host, now: (setattr(host.record, 'before', now), original(host, now))[1]",
        ),
    ),
    "snapshot_gone_meanwhile": Guard(
        "No change begins when its snapshot was deleted meanwhile.",
        UNIT + "test_phases.py::test_a_snapshot_that_somebody_deleted_covers_no_change",
        _code(
            "preflight",
            "meanwhile",
            "lambda rows, known, snapshot, *given: "
            "original([*rows, snapshot], known, snapshot, *given)",
        ),
    ),
    "interrupted_run": Guard(
        "The marker of a run that never ended stands against a new one.",
        ROLE + "test_restores.py"
        "::test_an_interrupted_run_is_listed_refused_and_restored_by_its_run_id",
        _code("preflight", "interrupted", "lambda marker, marker_path, proceed: ([], [])"),
    ),
    "adopted_run": Guard(
        "A run that adopts a snapshot goes on under the id that the snapshot bears.",
        UNIT + "test_phases.py::test_a_run_that_adopts_a_snapshot_takes_none",
        _code(
            "begin",
            "begin",
            "lambda host, entry_point: (original(host, entry_point), "
            "[known.update(run_id=_STARTED) for known in (host.settings, host.record.result)])[0]",
        ),
    ),
    "unreadable_marker": Guard(
        "A marker that cannot be read is that of a run that nobody can name.",
        UNIT + "test_guest.py::test_a_marker_that_cannot_be_read_is_still_a_marker",
        _code(
            "guest",
            "_marker",
            "lambda text: None if original(text)['run_id'] == UNKNOWN_RUN else original(text)",
        ),
    ),
    "volatile_marker": Guard(
        "A marker that a reboot removes would prove a restore that did nothing.",
        UNIT + "test_guest.py::test_a_marker_that_a_reboot_empties_is_noticed",
        _code("guest", "_EMPTIED", "set()"),
    ),
    "memory_disk": Guard(
        "A disk in memory is emptied by a reboot, whatever its file system.",
        UNIT + "test_guest.py::test_a_disk_in_memory_under_whatever_name_is_noticed",
        _code("guest", "_IN_MEMORY", "re.compile('$.')"),
    ),
    "overlay_in_memory": Guard(
        "So is an overlay that is written to a folder in memory.",
        ROLE + "test_proof.py::test_a_marker_that_a_reboot_would_empty_is_refused[over-memory]",
        _code("guest", "_MOUNTS", "tuple(one.replace('upperdir', 'no') for one in original)"),
    ),
    "container_overlay": Guard(
        "The root of a container is written to a folder of its own host, and is kept.",
        UNIT + "test_guest.py::test_a_disk_in_memory_under_whatever_name_is_noticed",
        _code(
            "guest",
            "_volatile",
            "lambda mounts, path: "
            "next((one[0] for one in mounts if one[0] == 'overlay'), original(mounts, path))",
        ),
    ),
    "unwritable_marker": Guard(
        "Without its marker an interrupted run is not noticed, and no restore proved.",
        UNIT + "test_phases.py"
        "::test_a_marker_that_cannot_be_written_keeps_the_change_from_beginning",
        _code("marker", "mark", "lambda host: original(host) and None"),
    ),
    "force_handlers": Guard(
        "Forced handlers would run on a restored server.",
        ROLE + "test_ways_to_run.py::test_force_handlers_is_refused",
        _core("force_handlers", "lambda task: False"),
    ),
    "check_mode": Guard(
        "Under --check nothing but reading is done.",
        UNIT + "test_phases.py::test_a_night_in_check_mode_writes_nothing",
        _code("before", "ready", _first("setattr(host.record, 'check_mode', False)")),
    ),
    "check_mode_of_the_play": Guard(
        "A play's check_mode: true is not seen in ansible_check_mode.",
        ROLE + "test_ways_to_run.py"
        "::test_check_mode_reads_only_even_where_a_user_task_would_really_change[how1]",
        _code(
            "before",
            "ready",
            _first("setattr(host.record, 'check_mode', bool(host.vars.get('ansible_check_mode')))"),
        ),
    ),
    "inherited_condition": Guard(
        "A condition that the change alters would skip the rest of the role, the restore too.",
        ROLE + "test_inherited_keywords.py"
        "::test_a_condition_that_the_change_can_alter_is_refused_by_name[import_role]",
        _code("keywords", "refused_condition", "lambda *given: None"),
    ),
    "condition_on_a_name_that_a_fact_forges": Guard(
        "Without the callback plugin a fact of the guest would skip the restore, and end green.",
        ROLE + "test_facts_of_a_guest.py"
        "::test_without_the_callback_plugin_a_condition_on_a_forgeable_name_is_refused",
        _code("keywords", "FORGEABLE", "frozenset()"),
    ),
    "inherited_delegation": Guard(
        "Delegated as a whole, the role would change another machine than it can restore.",
        ROLE + "test_inherited_keywords.py::test_an_inherited_delegation_is_refused[block]",
        _code("keywords", "refused_delegation", "lambda delegated_to, host: None"),
    ),
    "facts_refused": Guard(
        "A guest can set facts, which stand above the inventory: it must not name the server.",
        ROLE + "test_facts_of_a_guest.py::test_facts_with_names_of_variables_are_refused_by_name",
        _code("variables", "forged_among", "lambda facts, set_by_play: []"),
    ),
    "facts_at_restore": Guard(
        "A guest must neither name the server that is overwritten, nor forbid its own restore.",
        ROLE + "test_facts_of_a_guest.py::test_a_restore_ignores_them_with_a_warning",
        _core("_FactsLeft.get", "lambda self, host, default=None: _of_host(self._facts, host)"),
    ),
    "facts_meanwhile": Guard(
        "A host is what the inventory calls it, whatever its guest says meanwhile.",
        ROLE + "test_facts_of_a_guest.py"
        "::test_facts_that_come_in_the_middle_of_the_change_redirect_nothing",
        _core("host_name", "lambda task, task_vars: task_vars['inventory_hostname']"),
    ),
    "facts_of_a_neighbour": Guard(
        "A guest's facts must not say of its host what only the role may.",
        UNIT + "test_facts.py::test_a_fact_is_not_taken_for_what_a_task_registered",
        _core("registered", "lambda hostvars, host, name: hostvars.raw_get(host).get(name)"),
    ),
    "ignored_errors": Guard(
        "Ignored by inheritance, no failure of the change would lead to a restore.",
        ROLE + "test_inherited_keywords.py::test_ignored_errors_take_no_restore_away[play]",
        Without(TASKS + "main.yml", "Upgrade safely", "ignore_errors"),
    ),
    "ignored_end": Guard(
        "Where errors are ignored, a host that is not well ends red all the same.",
        ROLE + "test_inherited_keywords.py"
        "::test_a_restore_that_fails_is_red_where_errors_are_ignored[main]",
        Without(TASKS + "main.yml", "End", "ignore_errors"),
    ),
    "nearly_right_names": Guard(
        "A variable whose name nearly is a known one is refused: what it says would not be done.",
        UNIT + "test_variables.py"
        "::test_a_name_that_is_nearly_right_is_refused_and_another_is_a_warning",
        _code("names", "unknown", "lambda given: ({}, original(given)[1])"),
    ),
    "unknown_names_are_told": Guard(
        "A variable of the role's prefix that the role never reads is named in a warning.",
        UNIT + "test_variables.py"
        "::test_a_name_that_is_nearly_right_is_refused_and_another_is_a_warning",
        _code("names", "unknown", "lambda given: (original(given)[0], [])"),
    ),
    "unknown_names_are_told_once": Guard(
        "A warning of the same words is shown once a run, so it names no host.",
        ROLE + "test_settings_by_name.py::test_other_names_are_told_once_a_run[inventory]",
        _code(
            "variables",
            "_refuse_misnamed",
            "lambda host, given_names: (original(host, given_names), "
            "host.warnings and host.warnings.append(f'{host.name}: {host.warnings.pop()}'))[0]",
        ),
    ),
    "times_with_their_offset": Guard(
        "A time without its offset from UTC means another one on another controller.",
        UNIT + "test_window.py::test_a_window_that_nobody_can_mean_is_refused",
        _code("window", "_OFFSET", "re.compile('')"),
    ),
    "handler_named_by_a_variable": Guard(
        "A handler whose name holds a variable of its role exists.",
        ROLE + "test_user_files.py"
        "::test_a_handler_named_by_a_variable_of_its_role_exists[defaults]",
        _core(
            "handlers",
            "lambda task, hostvars, template: "
            "original(task, hostvars, lambda name, among: template(name, None))",
        ),
    ),
    "the_hint_is_told_once": Guard(
        "That losses are noticed less exactly is told once, and not for every host.",
        UNIT + "test_before.py"
        "::test_registers_are_watched_and_a_hint_is_told_once_where_nobody_sees_losses",
        _code("losses", "hint", _first("host.vars.update(ansible_play_hosts_all=[host.name])")),
    ),
    "run_once_is_refused": Guard(
        "Run once, the role would change one host and take the others for done.",
        UNIT + "test_variables.py::test_a_role_that_runs_once_is_refused",
        _core("runs_once", "lambda task: False"),
    ),
    "no_hint_where_losses_are_seen": Guard(
        "Who has switched the callback plugin on is not told to.",
        UNIT + "test_before.py::test_no_hint_is_told_where_losses_are_seen",
        _code("losses", "hint", "lambda host: host.say(coded(HINT))"),
    ),
    "another_prefix_hides_no_interrupted_run": Guard(
        "A run that never ended is seen though the prefix of the snapshots was altered since.",
        ROLE + "test_proof.py"
        "::test_an_interrupted_run_of_another_prefix_refuses_and_its_command_works",
        _code(
            "before",
            "_verdicts",
            "lambda host, rows, servers, now: original(host, rows, servers, {**now, 'marker': "
            "now['marker'] if (now['marker'] or {}).get('prefix') "
            "== host.settings['snapshot_prefix'] else None})",
        ),
    ),
    "another_prefix_breaks_no_command": Guard(
        "The command that is told over its marker finds its snapshot, whatever its prefix was.",
        ROLE + "test_proof.py"
        "::test_an_interrupted_run_of_another_prefix_refuses_and_its_command_works",
        _code(
            "snapshots",
            "of_run",
            "lambda rows, settings, run: "
            "[row for row in own(original(rows, settings, run), settings)]",
        ),
    ),
    "the_marker_holds_its_prefix": Guard(
        "The marker says by which prefix its run named the snapshot.",
        UNIT + "test_guest.py::test_a_marker_holds_what_it_was_given",
        _code(
            "guest",
            "marker_text",
            "lambda server_id, run_id, snapshot, prefix: "
            "original(server_id, run_id, snapshot, 'x')",
        ),
    ),
    "roles_of_dependencies_run": Guard(
        "A role that consists of its dependencies is a change.",
        ROLE + "test_user_files.py::test_a_role_of_dependencies_alone_runs[no-tasks]",
        _code("roles", "dependencies", "lambda role_path, load: []"),
    ),
    "empty_roles_of_dependencies_run": Guard(
        "So is one whose own tasks file is empty.",
        ROLE + "test_user_files.py::test_a_role_of_dependencies_alone_runs[empty]",
        _code(
            "files",
            "problems",
            "lambda *given, **named: original(*given, **{**named, 'may_be_empty': False})",
        ),
    ),
    "no_lookup_is_evaluated": Guard(
        "What stands in a file of the user's is read before the snapshot, and not evaluated.",
        ROLE + "test_user_files.py::test_no_lookup_of_a_users_file_runs_at_preflight",
        _EVALUATED,
    ),
    "no_task_name_is_printed": Guard(
        "No name of a task of the user's is printed before that task runs.",
        ROLE + "test_user_files.py::test_no_name_of_a_users_task_is_printed_at_preflight",
        _code(
            "begin",
            "parsed",
            "lambda host: ((host.say(f'read {[one[\"name\"] for one in each[2]]}'), each)[1] "
            "for each in original(host))",
        ),
    ),
    "a_broken_id_of_a_later_host": Guard(
        "A host of a later batch without a number of a server ends no other.",
        LOST_TOGETHER + "test_servers_named_by_the_play_in_batches_and_one_of_them_wrong",
        _code(
            "preflight",
            "same_server",
            "lambda server_id, others: original(server_id, others) + "
            "[f'{name} names no server' for name, other in others.items() "
            "if other is not None and not str(other).isdigit()]",
        ),
    ),
    "servers_of_vars_files": Guard(
        "Servers that a play names by its vars_files are each host's own.",
        LOST_TOGETHER + "test_servers_named_by_the_play_in_batches_and_one_of_them_wrong",
        _code(
            "variables",
            "_templated",
            "lambda host, variables: original(host, lambda name: {**host.vars, "
            "'vps_org_server_id': written_server(host, host.name)})",
        ),
    ),
    "run_once_is_refused_everywhere": Guard(
        "It is refused whichever way the keyword reaches the role, before anything is written.",
        KEYWORDS + "test_a_keyword_that_would_is_refused_by_name[block-run_once]",
        _code("keywords", "refused_run_once", "lambda runs_once, batch: None"),
    ),
    "no_line_that_csh_takes_apart": Guard(
        "To tcsh and csh a newline ends a quoted text: a script for a guest has one line.",
        "tests/unit/plugins/plugin_utils/test_login_shells.py::test_a_login_shell_runs_them",
        _code(
            "guest",
            "look_command",
            "lambda *given, **named: "
            "original(*given, **named).replace('; echo end', '\\necho end')",
        ),
    ),
    "no_login_shell_reads_a_script": Guard(
        "fish, tcsh and csh are no shells of POSIX: a script for a guest is run by its /bin/sh.",
        "tests/unit/plugins/plugin_utils/test_login_shells.py::test_a_login_shell_runs_them",
        _code(
            "reach",
            "Guest.run",
            "lambda self, script, seconds=60: (lambda done: "
            "Answer(done['rc'], done['stdout'], done['stderr'] or None))"
            "(self._action._low_level_execute_command(script, executable=''))",
        ),
    ),
    "no_shell_of_bash_alone": Guard(
        "The shell of a guest may be that of BusyBox, or dash.",
        UNIT + "test_guest.py::test_every_posix_shell_runs_the_scripts_and_tells_the_same",
        _code("guest", "_LOOK", "(*original, 'x=(1 2)')"),
    ),
    "hold_in_the_preflight": Guard(
        "A hold file that is there from the beginning is told by the preflight.",
        UNIT + "test_before.py"
        "::test_everything_that_stands_against_it_is_told_at_once_with_the_servers_name",
        _code(
            "before",
            "_verdicts",
            "lambda host, rows, servers, now: "
            "(host.settings.update(hold_file=None), original(host, rows, servers, now))[1]",
        ),
    ),
    "nearly_right_names_at_every_entry_point": Guard(
        "So it is at every entry point, for a restore may be led to another snapshot.",
        ROLE + "test_settings_by_name.py::test_every_entry_point_refuses_it[restore]",
        _code(
            "variables",
            "_refuse_misnamed",
            "lambda host, given_names: "
            "original(host, given_names) if host.record.entry_point == 'main' else None",
        ),
    ),
    "included_files_are_read_where_ansible_finds_them": Guard(
        "Before the snapshot an included file is read where Ansible finds it, and nowhere else.",
        UNIT + "test_files.py::test_of_several_files_the_one_is_looked_into_that_ansible_includes",
        _code("files", "_and_beside", "lambda path, places: places"),
    ),
    "what_is_known_at_run_time_alone": Guard(
        "What an earlier task of the change registers is not known before it, and no reason to "
        "refuse.",
        ROLE + "test_user_files.py::test_what_is_known_only_at_run_time_is_no_reason_to_refuse",
        _EVALUATED,
    ),
}

SNAPSHOT = {
    "snapshot_fails": Guard(
        "Without a completed snapshot nothing is changed, and the host says so.",
        ROLE + "test_snapshots.py::test_a_snapshot_that_fails_or_takes_too_long_"
        "means_no_change_and_wakes_the_services",
        _code("arming", "_await", "lambda host: host.move('armed', snapshot=host.record.snapshot)"),
        _code("arming", "_against_the_change", "lambda host, now: None"),
    ),
    "listed_late": Guard(
        "The module that waits does not know that the snapshot was just made, and gives up.",
        ROLE + "test_snapshots.py::test_a_snapshot_that_is_listed_late_is_awaited",
        _code("arming", "LISTED_LATE_TRIES", "1"),
    ),
    "snapshot_of_before": Guard(
        "A snapshot that was there before the run may miss what happened since.",
        UNIT + "test_phases.py::test_a_snapshot_of_the_same_run_is_never_taken_for_a_new_one",
        _code("arming", "take_snapshot", _asking("{**ask(*how, **wanted), 'changed': True}")),
    ),
    "snapshots_before_waits": Guard(
        "The cloud makes all snapshots at once only when all are started first.",
        ROLE + "test_snapshots.py"
        "::test_every_snapshot_and_restore_is_started_before_any_is_waited_for",
        _code("arming", "take_snapshot", _asking("ask(*how, **{**wanted, 'wait': True})")),
    ),
    "wake_services": Guard(
        "The hook that wakes the services runs also when the snapshot failed.",
        ROLE + "test_snapshots.py::test_a_snapshot_that_fails_or_takes_too_long_"
        "means_no_change_and_wakes_the_services",
        _code(
            "arming",
            "wait_snapshot",
            _then("host.record.ended and setattr(host.record, 'due', '')"),
        ),
    ),
    "attempted_before": Guard(
        "A check before the snapshot whose attempt failed is not judged as one that passed.",
        ROLE + "test_attempts.py::test_another_attempt_repeats_no_other_check",
        _code(
            "arming",
            "take_snapshot_at_once",
            "lambda host: (pieces.judge(host), take_snapshot(host))",
        ),
    ),
    "taken_apart": Guard(
        "A host whose services are quiet during the snapshot gets its snapshot.",
        ROLE + "test_snapshots.py::test_quiet_services_of_one_host_delay_no_snapshot_of_another",
        Without(TASKS + "main.yml", "Take the snapshot with what belongs to it"),
    ),
    "verification_named": Guard(
        "What fails in the file of `verify` is the verification, not the health check before it.",
        UNIT + "test_pieces.py::test_a_file_of_verify_that_fails_is_the_verification_that_failed",
        _code("change", "has_begun_verify", "lambda host: False"),
    ),
    "verification_explained": Guard(
        "A fault of the built-in checks explains a verification that failed.",
        UNIT + "test_pieces.py::test_what_the_built_in_checks_find_explains_a_failed_verification",
        _code(
            "pieces",
            "_passes_builtin",
            "lambda host, *given, **named: "
            "host.args['phase'] == 'failed' or original(host, *given, **named)",
        ),
    ),
    "role_that_verifies": Guard(
        "A role that verifies is the one that runs, while the check of health is not judged yet.",
        ROLE + "test_attempts.py::test_a_role_that_verifies_runs_after_the_check_of_health",
        Without(TASKS + "main.yml", "Verify the change", "vars"),
    ),
    "handlers_wait": Guard(
        "Handlers notified earlier wait for the next attempt of a check that failed.",
        ROLE + "test_attempts.py::test_handlers_notified_earlier_wait_for_a_check_that_passed",
        Without(TASKS + "main.yml", "Run them", "when"),
    ),
    "lost_in_health": Guard(
        "A loss in the check of health is none of the verification: that alone would be repeated.",
        ROLE + "test_losses.py"
        "::test_a_loss_in_a_check_is_of_that_check_without_the_plugin_too[health]",
        _code("losses", "is_of_verify", "lambda host: True"),
    ),
    "verified_again": Guard(
        "A verification that was begun counts for one judgement: later attempts begin it again.",
        UNIT + "test_pieces.py"
        "::test_a_verification_is_due_again_where_the_check_of_health_is_repeated",
        _code(
            "change",
            "has_begun_verify",
            "lambda host: (lambda before: (lambda told: "
            "(setattr(host.record, 'verifying', before), told)[1])(original(host))"
            ")(host.record.verifying)",
        ),
    ),
    "waiting_hosts_stay": Guard(
        "A check of another host's that fails for all takes nobody's decision or end away.",
        ROLE + "test_somebody_elses_failure.py"
        "::test_a_check_that_fails_for_all_in_each_attempt_takes_no_host_from_its_end",
        Without(TASKS + "main.yml", "Decide, and restore what failed", "rescue"),
        Without(TASKS + "restore_server.yml", "Check again", "rescue"),
    ),
    "verified_anew": Guard(
        "A verification that failed before the built-in checks had passed does not count.",
        UNIT
        + "test_pieces.py::test_a_verification_before_the_built_in_checks_passed_does_not_count",
        _code("checks", "need_more_than_an_answer", "lambda host: False"),
    ),
    "recorded_is_decided": Guard(
        "A failure that is recorded is decided on.",
        ROLE
        + "test_snapshots.py::test_every_snapshot_and_restore_is_started_before_any_is_waited_for",
        _code(
            "record",
            "Record.as_result",
            "lambda self: (lambda told: "
            "{**told, 'run': {**told['run'], 'failed': False}})(original(self))",
        ),
    ),
    "left_out_is_due": Guard(
        "A verification that was not begun is still due.",
        UNIT + "test_pieces.py::test_a_verification_that_was_left_out_is_still_due",
        _code("change", "has_begun_verify", "lambda host: True"),
    ),
    "earlier_handler": Guard(
        "A handler notified before the role is not the change's failure.",
        ROLE + "test_ways_to_run.py::test_a_handler_notified_before_the_role_that_fails_aborts",
        Without(TASKS + "main.yml", "Run them"),
    ),
    "snapshot_too_old": Guard(
        "An old snapshot does not cover the change.",
        UNIT + "test_phases.py::test_an_old_snapshot_covers_no_change",
        _code(
            "arming",
            "_gate",
            "lambda settings, *given: original({**settings, 'snapshot_max_age': 1e9}, *given)",
        ),
    ),
    "tags": Guard(
        "No task has a tag of its own: a tag must not part the snapshot from the change.",
        ROLE + "test_ways_to_run.py::test_tags_cannot_part_the_snapshot_from_the_change",
        With(TASKS + "main.yml", "Arm", "tags", ["snapshot"]),
    ),
    "hold_before_the_snapshot": Guard(
        "A hold file that came after the preflight stops the snapshot.",
        UNIT + "test_arming.py::test_the_hold_file_and_the_window_keep_the_snapshot_away",
        _code("arming", "take_snapshot", _first("host.settings.update(hold_file=None)")),
    ),
    "hold_before_the_change": Guard(
        "A hold file that came while the snapshot was taken stops the change.",
        UNIT + "test_arming.py::test_the_hold_file_may_come_while_the_snapshot_is_taken",
        _code(
            "arming",
            "_against_the_change",
            "lambda host, now: (host.settings.update(hold_file=None), original(host, now))[1]",
        ),
    ),
    "age_by_the_clock_of_the_api": Guard(
        "The age of a snapshot is judged by the API's clock: the controller's may be wrong.",
        UNIT + "test_arming.py"
        "::test_a_snapshot_of_the_greatest_age_covers_the_change[600-changing]",
        _code(
            "arming",
            "_gate",
            "lambda settings, took, now: original(settings, took, datetime.now(now.tzinfo))",
        ),
    ),
    "both_quiesce_hooks_are_told": Guard(
        "A hook that cannot wake the services does not hide why they were not quieted.",
        UNIT + "test_pieces.py"
        "::test_services_that_cannot_be_quieted_get_no_snapshot_and_are_woken_all_the_same",
        _code(
            "pieces",
            "attempt_failed",
            "lambda host, piece, failure: (piece == 'quiesce_after' and "
            "host.record.result.update(reason=None), original(host, piece, failure))[1]",
        ),
    ),
}

CHANGE = {
    "own_failure_restores": Guard(
        "A failed change is restored.",
        UNIT + "test_verdict.py::test_an_own_failure_restores_and_policies_leave",
        _code(
            "verdict",
            "decide",
            "lambda settings, **known: original({**settings, 'on_failure': 'leave'}, **known)",
        ),
    ),
    "refused_arguments": Guard(
        "A role that refused its arguments has changed nothing.",
        UNIT + "test_verdict.py::test_a_role_that_refuses_its_arguments_has_changed_nothing",
        _code("verdict", "may_have_changed", "lambda task, result, first_file: True"),
    ),
    "unmark_aborted": Guard(
        "A server that was not changed bears no marker that stands against the next run.",
        ROLE + "test_whose_failure.py"
        "::test_a_change_that_refuses_its_arguments_leaves_no_marker_for_the_next_run",
        _code("marker", "unmark", "lambda host: None"),
    ),
    "refused_later": Guard(
        "A role that the change includes later refuses its arguments when much is changed.",
        UNIT + "test_verdict.py"
        "::test_a_role_that_is_included_later_and_refuses_its_arguments_may_have_changed_much",
        _code(
            "verdict",
            "may_have_changed",
            "lambda task, result, first_file: 'validate_args_context' not in result",
        ),
    ),
    "lost_server": Guard(
        "A lost host must not leave the play, for only a host of the play can be restored.",
        ROLE + "test_whose_failure.py::test_many_lost_at_once_restores_none",
        *_A_LOSS_ENDS_THE_PLAY,
    ),
    "lost_after_reboot": Guard(
        "Since ansible-core 2.19 a reboot that never returns is unreachable, not failed.",
        ROLE
        + "test_real_ssh.py::test_a_lost_server_is_restored_and_proved_once_it_is_back[reboot]",
        *_A_LOSS_ENDS_THE_PLAY,
    ),
    "rekeyed_server": Guard(
        "A server that shows another host key is unreachable, not failed.",
        ROLE
        + "test_real_ssh.py::test_a_lost_server_is_restored_and_proved_once_it_is_back[rekeyed]",
        *_A_LOSS_ENDS_THE_PLAY,
    ),
    "probe": Guard(
        "An ignored unreachable host looks well until it is probed.",
        UNIT + "test_phases.py::test_a_host_that_is_lost_is_restored",
        _code("change", "_probe", "lambda host: None"),
        _code("losses", "lost_task", "lambda host: None"),
    ),
    "tasks_lost_by_the_controller": Guard(
        "A task that the controller could not run, or lost, overwrites no server.",
        ROLE + "test_real_ssh.py"
        "::test_what_keeps_the_controllers_ssh_from_asking_overwrites_no_server[plugin1]",
        _code("controller", "failed", "lambda result, task=None: False"),
    ),
    "ssh_that_does_not_run": Guard(
        "A controller whose ssh does not run any more overwrites no server.",
        ROLE + "test_real_ssh.py"
        "::test_what_keeps_the_controllers_ssh_from_asking_overwrites_no_server[plugin1]",
        _code("controller", "why_ssh_fails", "lambda connection: None"),
    ),
    "ssh_that_was_killed": Guard(
        "A task whose ssh was killed on the controller overwrites no server.",
        ROLE + "test_real_ssh.py"
        "::test_what_keeps_the_controllers_ssh_from_asking_overwrites_no_server[plugin1]",
        _code("controller", "signal", "lambda result, task: 0"),
    ),
    "task_whose_ssh_was_not_loaded": Guard(
        "A task that failed because the controller's ssh cannot be loaded overwrites no server.",
        ROLE + "test_real_ssh.py"
        "::test_what_keeps_the_controllers_ssh_from_asking_overwrites_no_server[plugin1]",
        _code("controller", "may_not_have_begun", "lambda result, task: False"),
    ),
    "failure_path_of_a_controller_that_cannot_ask": Guard(
        "The failure path of a workflow leaves a server that the controller's fault hides.",
        UNIT + "test_unfinished.py::test_a_server_that_the_controller_cannot_ask_is_left",
        _code(
            "unfinished",
            "_by_the_guest",
            "lambda host, record, now, marked: original(host, record, {**now, 'ours': 0}, marked)",
        ),
    ),
    "own_ignore_unreachable": Guard(
        "No keyword of the user's takes a lost host out of the play, and its rollback with it.",
        ROLE + "test_losses.py"
        "::test_no_keyword_of_the_users_takes_a_lost_host_out_of_the_play[switched0]",
        _core("_keep_hosts", "lambda found: None"),
    ),
    "own_ignore_unreachable_of_a_handler": Guard(
        "No keyword of a handler takes a lost host out of a play that keeps such hosts.",
        ROLE + "test_losses.py::test_no_keyword_of_a_handlers_own_does_either[task-switched0]",
        _core("_handlers_of", "lambda iterator: ()"),
    ),
    "facts_of_the_changed_system": Guard(
        "After a restore no fact of the changed system is known.",
        ROLE + "test_what_a_failure_cannot_prevent.py"
        "::test_after_a_restore_no_fact_of_the_changed_system_is_known[False-linear]",
        Without(
            "roles/safe_upgrade/tasks/restore_server.yml",
            "Forget the facts of the changed system",
        ),
    ),
    "facts_of_other_hosts": Guard(
        "The restore of a host forgets no fact of another.",
        ROLE + "test_what_a_failure_cannot_prevent.py"
        "::test_after_a_restore_no_fact_of_the_changed_system_is_known[True-free]",
        _core("forget_facts_of_one_host", "lambda role: None"),
        _core("forgets_facts_of_one_host", "lambda: True"),
    ),
    "what_stands_around_a_broken_include": Guard(
        "What stands around an include that cannot be read does not make its failure good.",
        ROLE + "test_whose_failure.py"
        "::test_what_cannot_be_read_behind_a_template_fails_its_own_host_though_a_percentage_brakes"
        "[switched0-linear]",
        _core(
            "_failing",
            "lambda why, include, **how: original(why, include, **{**how, 'parent_block':"
            " include.build_parent_block()})",
        ),
    ),
    "handlers_of_what_is_imported": Guard(
        "A missing handler that an imported role notifies is found before the snapshot.",
        ROLE + "test_preflight.py::test_a_handler_that_is_missing_is_found_in_all_that_is_imported",
        _code("begin", "notified", "lambda host: ({}, set(), False)"),
    ),
    "relative_names_of_the_users": Guard(
        "A relative name in the user's files never finds a file of the role.",
        ROLE + "test_user_files.py::test_a_relative_name_never_finds_a_file_of_the_role",
        _core("_stands_in", "lambda task, role: _is_below(task, role)"),
    ),
    "broken_files_where_a_percentage_brakes": Guard(
        "What cannot be read fails its own host, and is restored under max_fail_percentage, too.",
        ROLE + "test_whose_failure.py"
        "::test_what_cannot_be_read_behind_a_template_fails_its_own_host_though_a_percentage_brakes"
        "[switched0-linear]",
        _core("_failing", "lambda why, include, **how: {}.none"),
    ),
    "marker_that_came_back": Guard(
        "A marker that a snapshot made by hand holds does not hide that the server was restored.",
        ROLE + "test_restores.py"
        "::test_a_snapshot_made_by_hand_of_a_half_changed_server_brings_its_marker_back",
        _code("snapshots", "run_of", "lambda row: 'r1'"),
    ),
    "wrapper_of_ssh_is_no_fault": Guard(
        "A server that is lost behind a wrapper of ssh that knows no -V is not the controller's.",
        UNIT + "test_reach.py::test_an_ssh_that_runs_is_not_blamed_for_a_guest_that_says_nothing",
        _code("controller", "_NOT_RUN", "range(1, 256)"),
    ),
    "steps_of_ssh_hide_no_reason": Guard(
        "What ssh tells of its steps under -v does not hide why the host is lost.",
        UNIT + "test_reach.py::test_the_steps_that_ssh_tells_do_not_hide_what_it_met",
        _code("texts", "of_ssh", "lambda value: written(value)"),
    ),
    "kept_connection_proves_no_life": Guard(
        "A host that answers over a connection that is kept open alone is lost.",
        UNIT + "test_change.py::test_a_host_that_answers_over_a_kept_connection_alone_is_lost",
        _code(
            "change",
            "fail",
            "lambda host, failure: "
            "(setattr(host.reach, 'share_nothing', bool), original(host, failure))[1]",
        ),
    ),
    "connection_of_its_own": Guard(
        "A host that answers only over a connection of its own is not lost.",
        ROLE + "test_real_ssh.py"
        "::test_what_keeps_the_controllers_ssh_from_asking_overwrites_no_server[plugin1]",
        _code("reach", "Guest.share_nothing", "lambda self: False"),
    ),
    "python_moved": Guard(
        "A change may remove the Python that Ansible had found: the host is well.",
        ROLE + "test_whose_failure.py"
        "::test_a_host_whose_python_moved_and_whose_handlers_need_facts_is_not_restored",
        _code("reach", "Guest.find_python", "lambda self: ''"),
    ),
    "named_python_removed": Guard(
        "A change may remove the Python that the inventory names: the host is well.",
        ROLE + "test_whose_failure.py"
        "::test_a_host_whose_python_is_named_in_the_inventory_and_removed_is_not_lost",
        _code(
            "reach",
            "Guest.find_python",
            "lambda self: '' if self._vars.get('ansible_python_interpreter') else original(self)",
        ),
    ),
    "blip": Guard(
        "A watched task that was silently lost is a failure.",
        ROLE + "test_patch_night.py::test_a_failed_server_is_restored_and_says_why[blip]",
        _code("verdict", "lost_registers", "lambda task_vars, names: {}"),
    ),
    "watched_hooks": Guard(
        "A task of the verification or of a hook that was lost has not done what it was for.",
        ROLE + "test_whose_failure.py"
        "::test_a_watched_task_that_was_lost_fails_the_verification_or_hook_it_stands_in",
        _code(
            "losses",
            "lost_task",
            "lambda host: original(host) if host.args['phase'] in ('back', 'handled') else None",
        ),
    ),
    "exact_loss": Guard(
        "The callback plugin tells of a task that lost its host, though nothing failed for it.",
        ROLE + "test_losses.py::test_the_rest_of_the_change_is_skipped_from_the_first_lost_task_on",
        Replaced(
            "plugins/callback/night.py",
            "CallbackModule.v2_runner_on_unreachable",
            "lambda self, result: None",
        ),
    ),
    "noted_loss": Guard(
        "What the callback plugin noted is a failure of the change.",
        UNIT + "test_phases.py::test_a_loss_that_the_callback_noted_is_a_failure_of_the_change",
        _code("losses", "lost_task", "lambda host: None"),
    ),
    "loss_of_an_earlier_call": Guard(
        "What was lost in an earlier call or play is no failure of this one.",
        UNIT + "test_phases.py::test_a_loss_of_an_earlier_call_is_none_of_this_one",
        _code("losses", "forget", "lambda host: None"),
    ),
    "rest_of_the_change": Guard(
        "Once a task lost its host, the rest of the change is not run on it.",
        ROLE + "test_losses.py::test_the_rest_of_the_change_is_skipped_from_the_first_lost_task_on",
        Without(TASKS + "main.yml", "Run the change", "when"),
    ),
    "loss_that_the_user_ignores": Guard(
        "A loss under the user's own ignore_unreachable is none: a reboot by raw, for instance.",
        ROLE + "test_losses.py::test_a_loss_that_the_user_ignores_is_none",
        _core("ignores_unreachable_itself", "lambda task: False"),
    ),
    "lost_in_its_handlers": Guard(
        "A host that its handlers cut off is not taken for verified.",
        UNIT + "test_phases.py::test_a_host_that_is_lost_in_its_handlers_is_noticed",
        _code("change", "handled", _first("setattr(host, 'look', lambda: {'answered': True})")),
    ),
    "a_handler_that_locks_out": Guard(
        "After the handlers the host is looked at by a new connection: the open one outlives sshd.",
        ROLE + "test_real_ssh.py",
        _code("change", "handled", _first("setattr(host.reach, 'forget', lambda: None)")),
    ),
    "a_long_reason_keeps_the_proof": Guard(
        "A long reason makes room for what proved the restore.",
        UNIT + "test_errors.py",
        _code("host", "shortened", "lambda text, length: text"),
    ),
    "hanging_modules": Guard(
        "A host whose shell answers and whose Python hangs is lost.",
        UNIT + "test_phases.py"
        "::test_a_host_whose_modules_do_not_answer_is_lost_though_its_shell_answers",
        _code("change", "_probe", "lambda host: None"),
    ),
    "delegate_lost": Guard(
        "No server is overwritten because another machine was lost.",
        UNIT + "test_phases.py::test_a_dead_delegate_is_not_the_servers_loss",
        _code(
            "verdict",
            "decide",
            "lambda settings, **known: original(settings, **{**known, 'delegate': ''})",
        ),
    ),
    "delegate_of_a_register": Guard(
        "Without the callback plugin, too, a lost delegate is told from a lost server.",
        UNIT + "test_losses.py"
        "::test_a_dead_delegate_is_told_by_its_register_and_nobody_is_overwritten",
        _code("losses", "_delegate", "lambda host, register, lost: ''"),
    ),
    "dead_beside_its_delegate": Guard(
        "A server that is dead itself is restored, though another machine is dead, too.",
        UNIT + "test_losses.py"
        "::test_a_host_that_is_dead_itself_is_restored_whatever_its_delegate_is[leave]",
        _code("change", "_probe", "lambda host: None"),
    ),
    "loss_of_an_earlier_attempt": Guard(
        "A connection lost in one attempt of a check does not fail the next one.",
        UNIT + "test_losses.py::test_a_loss_in_one_attempt_of_a_check_is_none_of_the_next",
        _code(
            "losses",
            "forget",
            "lambda host: None if host.record.state == 'verifying' else original(host)",
        ),
    ),
    "run_once_of_another": Guard(
        "Where hosts keep no step, what runs once and fails on one takes no other from its place.",
        "tests/unit/plugins/callback/test_night.py"
        "::test_a_task_that_runs_once_fails_for_its_own_host_alone_where_hosts_keep_no_step",
        Replaced(
            "plugins/callback/night.py", "CallbackModule._run_on_each", "lambda self, task: None"
        ),
    ),
    "run_once_unwatched": Guard(
        "Without the callback plugin nothing sees to that, so such a change is not begun.",
        UNIT + "test_losses.py"
        "::test_a_task_that_runs_once_is_refused_where_hosts_keep_no_step_and_nobody_sees_losses",
        _code("steps", "refused", "lambda host: []"),
    ),
    "variable_of_a_loss": Guard(
        "No variable of the user's hides a loss, or makes one up.",
        UNIT + "test_losses.py::test_a_variable_in_the_place_of_the_noted_loss_is_refused",
        _code("losses", "problems", "lambda host: []"),
    ),
    "way_back": Guard(
        "A restored server is reached as before its change.",
        UNIT + "test_way.py::test_what_the_change_set_for_the_connection_is_taken_back",
        _code("way", "to_take_back", "lambda host: {}"),
    ),
    "inherited_throttle": Guard(
        "Hosts wait for their restores at once: one that nobody saw could not be proved.",
        ROLE + "test_keywords.py::test_all_of_them_together_take_none_away[play]",
        Without(TASKS + "restore_server.yml", "Wait for it", "throttle"),
        *_NOT_SEEN_AT_ONCE,
    ),
    "controllers_own_fault": Guard(
        "A fault of the controller overwrites no server.",
        UNIT + "test_phases.py::test_a_controllers_own_fault_overwrites_nobody",
        _code(
            "change",
            "_probe",
            _first(
                "setattr(host.reach, 'wait', (lambda wait: lambda seconds: "
                "[answer for answer in [wait(seconds)] if not setattr(answer, 'ours', False)][0]"
                ")(host.reach.wait))"
            ),
        ),
    ),
    "handlers": Guard(
        "The change's handlers run before the verdict, so that their failure can be restored.",
        ROLE + "test_patch_night.py::test_a_failed_server_is_restored_and_says_why[handler]",
        Without(TASKS + "main.yml", "Run the handlers of the change"),
    ),
    "handlers_of_handlers": Guard(
        "So do those that a later handler notifies.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_handler_that_a_later_one_notifies_runs_before_the_verdict[linear]",
        Without(TASKS + "main.yml", "Run those that a later handler notified"),
    ),
    "own_names": Guard(
        "A task of the user's that would overwrite the record is refused.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_task_that_sets_a_variable_of_the_roles_own_is_refused_by_name[off]",
        _code("own_names", "problems", "lambda task, path: []"),
    ),
    "unconnected": Guard(
        "A connection that Ansible cannot make any more takes no rollback away.",
        ROLE + "test_connections_that_cannot_be_made.py"
        "::test_a_connection_that_cannot_be_made_any_more_takes_no_rollback_away[failed-off]",
        _core("prepare_tasks", "lambda role: None"),
    ),
    "run_once_only": Guard(
        "A task of the user's that fails is not run again.",
        ROLE + "test_connections_that_cannot_be_made.py"
        "::test_a_task_of_the_users_that_fails_is_run_once",
        _core("_stands_in", "lambda task, role: True"),
    ),
    "leads_elsewhere": Guard(
        "Another machine that answers since the change proves no upgrade.",
        ROLE + "test_connections_that_lead_elsewhere.py"
        "::test_another_machine_that_answers_proves_no_upgrade[in no run-off-set_fact]",
        _code("marker", "elsewhere", "lambda host, now: None"),
    ),
    "neighbours_marker_stays": Guard(
        "The marker of another server is never removed.",
        ROLE + "test_connections_that_lead_elsewhere.py"
        "::test_the_marker_of_a_neighbour_is_never_removed",
        _code("guest", "unless_of_another", "lambda marker_path, server_id: 'true'"),
    ),
    "armed_elsewhere": Guard(
        "No change begins on a machine that the snapshot is not of.",
        ROLE + "test_connections_that_lead_elsewhere.py"
        "::test_no_change_begins_on_a_machine_that_the_snapshot_is_not_of[quiesce]",
        _code("way", "leads_elsewhere", "lambda host: []"),
    ),
    "refused_call_begins_nothing": Guard(
        "A refused call of the role within itself does not make a changed host an untouched one.",
        ROLE + "test_changes_by_name.py"
        "::test_a_call_of_the_role_within_itself_takes_no_rollback_away[on-main]",
        Replaced(
            "plugins/callback/night.py",
            "_phase",
            "lambda task: task.args.get('phase') if task.action == PHASE else None",
        ),
    ),
    "users_files_first": Guard(
        "What a user's file includes is never a file of the role's own.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_file_of_yours_that_is_not_there_is_none_of_the_roles[quiesce]",
        _core("_beside", "lambda task, path, role: path"),
    ),
    "neighbour_before_the_playbook": Guard(
        "What a user's file includes is the one beside it, before one beside the playbook.",
        ROLE + "test_what_user_files_hold.py"
        "::test_of_several_files_of_a_name_the_one_is_run_that_a_play_would_run[play-linear]",
        _core("_of_no_role", "lambda results, role: contextlib.nullcontext()"),
    ),
    "nothing_of_the_role_is_imported": Guard(
        "A user's file that imports one of this role's fails, or is refused.",
        ROLE + "test_what_user_files_hold.py::test_a_file_of_yours_imports_none_of_the_roles[True]",
        _core("_importing", "lambda folder, around: contextlib.nullcontext()"),
    ),
    "files_of_the_role_around": Guard(
        "What the file of a role that calls this one names is searched as in that role.",
        ROLE + "test_what_user_files_hold.py"
        "::test_of_several_files_of_a_name_the_one_is_run_that_a_play_would_run[role-linear]",
        _core("_role_around", "lambda task, role: None"),
    ),
    "roles_may_end_themselves": Guard(
        "A role of the user's may end itself, where Ansible knows the word.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_role_of_yours_may_end_itself_where_ansible_knows_how[linear]",
        _core("knows_end_role", "lambda: False"),
    ),
    "no_end_of_a_role_in_always": Guard(
        "A role that ends itself in always never takes its host past the restore.",
        ROLE + "test_what_user_files_hold.py"
        "::test_the_end_of_a_role_in_always_is_refused_for_it_would_skip_the_restore"
        "[in an import-off]",
        _core("in_always", "lambda task, of_its_role=False: not of_its_role and original(task)"),
    ),
    "conditions_of_meta": Guard(
        "A condition of a meta task that cannot be evaluated fails its own host alone.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_condition_of_meta_that_cannot_be_evaluated_fails_its_own_host_alone[off-linear]",
        _core("_ask_conditions_of_meta", "lambda found: None"),
    ),
    "imports_in_always": Guard(
        "What is imported into an always section makes no failure good.",
        ROLE + "test_whose_failure.py::"
        "test_what_cleans_up_after_a_failure_however_it_is_brought_in_makes_nothing_good[on-linear]",
        _core(
            "in_always",
            "lambda task, of_its_role=False: any(task._uuid == one._uuid for one in "
            "getattr(task._parent, 'always', None) or ())",
        ),
    ),
    "broken_files_are_named": Guard(
        "A file behind a template that cannot be read is named in the reason.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_broken_file_that_a_template_includes_fails_its_own_host_alone[linear]",
        _core("_with_place", "lambda error, what='': str(error)"),
    ),
    "searched_as_in_the_play": Guard(
        "A name without a collection is never searched in the role's own collection.",
        ROLE + "test_what_user_files_hold.py"
        "::test_names_without_a_collection_are_searched_where_the_play_searches_them[beside]",
        _core("collections", "lambda task: ['vps_org.cloud', 'ansible.legacy']"),
    ),
    "collections_of_the_play": Guard(
        "The collections of the play are searched for what the user's files name.",
        ROLE + "test_what_user_files_hold.py"
        "::test_names_without_a_collection_are_searched_where_the_play_searches_them[play]",
        _core("collections", "lambda task: ['ansible.legacy']"),
    ),
    "imports_by_templates": Guard(
        "A file or a role that is imported by a template is parsed as Ansible will.",
        ROLE + "test_what_user_files_hold.py"
        "::test_files_and_roles_are_imported_by_templates_as_in_a_play",
        _core("load", "lambda loader, path: loader.load_from_file(path, unsafe=True)"),
    ),
    "broken_files_end_no_run": Guard(
        "A broken file that a template includes fails its own hosts, and ends no run.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_broken_file_that_a_template_includes_fails_its_own_host_alone[linear]",
        _core("_contained", "lambda read, role, refused: read"),
    ),
    "includes_without_end": Guard(
        "What includes itself without end fails its own host, and ends no run.",
        UNIT + "test_core.py::test_a_file_that_includes_itself_without_end_is_not_read",
        _core("_without_end", "lambda include, file: []"),
    ),
    "includes_without_end_before": Guard(
        "A file that always includes itself is refused before the snapshot.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_file_that_surely_includes_itself_is_refused[again.yml]",
        _code("files", "_always", "lambda data: ()"),
    ),
    "why_an_include_failed": Guard(
        "An include that failed is told with the name of its task and the reason.",
        ROLE + "test_what_user_files_hold.py"
        "::test_why_an_include_failed_is_told_with_the_name_of_its_task[linear]",
        _core("_failing_file", "lambda *given, **named: {}['none']"),
    ),
    "metas_of_templates": Guard(
        "A meta task that a template brought in takes no host past its verdict, and ends no run.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_broken_file_that_a_template_includes_fails_its_own_host_alone[linear]",
        _code("metas", "refused_when_run", "lambda task, of_handler, strategy: []"),
    ),
    "files_of_handlers": Guard(
        "A file that a handler includes is parsed as one of a handler.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_file_that_is_none_for_a_handler_is_refused[nest.yml]",
        _core(
            "parse",
            "lambda task, hostvars, loader, path, role, of_handler=False: "
            "original(task, hostvars, loader, path, role)",
        ),
    ),
    "own_names_once_parsed": Guard(
        "What handlers and imports by templates set is read, too, for the role's own variables.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_handler_or_an_import_by_a_template_that_sets_one_is_refused_too[handler]",
        _core("_parsed", "lambda task, role='': {**original(task), 'written': {}}"),
    ),
    "no_file_is_read_as_marker": Guard(
        "A pipe in the place of the marker holds no look.",
        UNIT + "test_guest.py::test_what_is_no_file_where_a_marker_belongs_is_not_read",
        _code("guest", "_MARKER", "tuple(one.replace('[ -f', '[ -e') for one in original)"),
    ),
    "runs_for_all": Guard(
        "A module that ends the run for all hosts is refused where these keep no step.",
        ROLE + "test_ways_to_run.py"
        "::test_a_module_that_would_end_the_run_of_all_hosts_is_refused"
        "[pause: {seconds: 1}-free]",
        _core("runs_for_all", "lambda action: False"),
    ),
    "meta_words": Guard(
        "A meta task that would end the run for all hosts is refused.",
        ROLE + "test_ways_to_run.py"
        "::test_a_meta_task_that_would_end_the_run_of_all_hosts_is_refused[nosuch]",
        _code("metas", "refused", "lambda place, word, may_leave: []"),
    ),
    "ends_in_handlers": Guard(
        "A handler that would end a host's play before the verdict is refused.",
        ROLE + "test_ways_to_run.py"
        "::test_a_handler_that_would_end_a_play_before_the_verdict_is_refused"
        "[linear-handler0-would end the host's play-play]",
        _core("parsed_handlers", "lambda task: []"),
    ),
    "flush_in_handlers": Guard(
        "A flush among the handlers, which would end the run for all hosts, is refused.",
        ROLE + "test_ways_to_run.py"
        "::test_a_handler_that_would_end_a_play_before_the_verdict_is_refused"
        "[linear-handler4-is no handler for Ansible-play]",
        _code("metas", "refused_handler", "lambda place, word, may_leave: []"),
    ),
    "included_by_handlers": Guard(
        "A file that a handler includes is read before the snapshot.",
        ROLE + "test_ways_to_run.py"
        "::test_a_handler_that_would_end_a_play_before_the_verdict_is_refused"
        "[linear-handler5-would end the host's play-play]",
        _code("handlers", "_included", "lambda task, playbook_dir: None"),
    ),
    "notified_by_handlers": Guard(
        "A handler that notifies one that the play does not have is refused.",
        ROLE + "test_ways_to_run.py"
        "::test_a_handler_that_would_end_a_play_before_the_verdict_is_refused"
        "[linear-handler10-notifies the handler 'Nowhere'-play]",
        _code("handlers", "add_chained", "lambda host, notified: None"),
    ),
    "name_set_by_the_change": Guard(
        "The role knows its host whatever a change sets inventory_hostname to.",
        ROLE + "test_facts_of_a_guest.py"
        "::test_a_name_that_the_change_sets_leads_to_no_neighbour[failed]",
        _core("host_name", "lambda task, task_vars: task_vars['inventory_hostname']"),
    ),
    "fatal_handlers": Guard(
        "Preflight warns of a handler whose failure interrupts all hosts.",
        ROLE + "test_ways_to_run.py"
        "::test_a_handler_whose_failure_would_interrupt_all_hosts_is_warned_of",
        _core("fatal_handlers", "lambda task: []"),
    ),
    "overwritten_record": Guard(
        "A record that a task overwrote is taken from where the callback plugin keeps it.",
        ROLE + "test_what_user_files_hold.py"
        "::test_a_record_that_a_task_overwrote_takes_no_rollback_away[last-False-wanted1]",
        Replaced(
            "plugins/action/safe_upgrade_phase.py",
            "ActionModule._kept",
            "lambda self, task_vars: None",
        ),
    ),
    "verify": Guard(
        "The change must be verified.",
        UNIT + "test_phases.py::test_an_expected_reboot_must_have_happened",
        _code("checks", "_found", "lambda host, piece: original(host, 'health')"),
    ),
    "old_fault": Guard(
        "A fault that was there before the change is no reason to restore.",
        UNIT + "test_faults.py::test_an_old_fault_is_none",
        _code(
            "faults",
            "_things",
            "lambda state, check: {} if 'old' in state else original(state, check)",
        ),
    ),
    "new_fault": Guard(
        "A new fault of a built-in check is one.",
        UNIT + "test_faults.py::test_a_new_fault_is_a_fault",
        _code(
            "faults",
            "judge",
            "lambda before, now, *given, **named: original(now, now, *given, **named)",
        ),
    ),
    "tool_unasked": Guard(
        "A tool that answered before the change and does not after it is not well.",
        UNIT + "test_faults.py::test_a_tool_that_cannot_be_asked_any_more_is_not_well",
        _code("faults", "_unasked", "lambda check, before, now: []"),
    ),
    "may_yet_crash": Guard(
        "A service that was just started may crash in the next second.",
        UNIT + "test_checks.py::"
        "test_a_service_that_was_just_started_is_looked_at_again_and_found_crashing",
        _code("faults", "undecided", "lambda before, now: False"),
    ),
    "boot_goes_on": Guard(
        "What a boot has not started yet is not missing.",
        UNIT + "test_phases.py::test_the_checks_wait_for_the_end_of_the_boot",
        _code("checks", "_look", "lambda host: host.look(host.builtin)"),
    ),
    "forged_preparation": Guard(
        "A guest's fact does not tell that there is nothing to do.",
        UNIT + "test_preparation.py::test_no_fact_of_a_guest_ends_the_change",
        _code(
            "before",
            "prepared",
            "lambda host: "
            "host.move('upgraded') if host.vars.get(preparation.NAME) else original(host)",
        ),
    ),
    "expected_reboot": Guard(
        "A reboot that the verification expects is no fault of the health check.",
        ROLE + "test_restores.py"
        "::test_a_reboot_that_was_expected_is_healthy_and_so_is_that_of_a_restore",
        _code(
            "checks",
            "_found",
            "lambda host, piece: original(host, 'before' if piece == 'health' else piece)",
        ),
    ),
    "any_errors_fatal": Guard(
        "A neighbour's failure must not send a healthy host into rescue.",
        ROLE + "test_ways_to_run.py::test_any_errors_fatal_does_not_send_healthy_hosts_into_rescue",
        Without(TASKS + "main.yml", "Upgrade safely", "any_errors_fatal"),
    ),
    "run_once": Guard(
        "A run_once task that failed on another host is not this host's failure.",
        ROLE + "test_ways_to_run.py::test_run_once_that_fails_restores_only_the_host_it_ran_on",
        _code("pieces", "_failed_for_all", "lambda host, task: None"),
    ),
    "nameless_failure": Guard(
        "A failure that stands is the host's own, though Ansible names no task.",
        UNIT + "test_pieces.py"
        "::test_a_failure_that_stands_is_the_hosts_own_though_ansible_names_no_task",
        _code("verdict", "NAMELESS", "(None, None)"),
    ),
    "interrupted_change": Guard(
        "Another host's failure never overwrites this server unless asked to.",
        UNIT + "test_verdict.py"
        "::test_another_hosts_failure_never_overwrites_a_server_unless_asked_to",
        _code(
            "verdict",
            "decide",
            "lambda settings, **known: original(settings, **{**known, 'own_failure': True})",
        ),
    ),
    "mass_loss": Guard(
        "Many hosts lost at once are a fault of the network, not of the hosts.",
        UNIT + "test_verdict.py::test_many_lost_at_once_are_a_network_fault",
        _code("verdict", "many_lost", "lambda lost, batch, percent: False"),
    ),
    "on_failure_leave": Guard(
        "Who wants failed servers left as they are gets that.",
        UNIT + "test_verdict.py::test_an_own_failure_restores_and_policies_leave",
        _code(
            "verdict",
            "decide",
            "lambda settings, **known: original({**settings, 'on_failure': 'restore'}, **known)",
        ),
    ),
    "on_unreachable_leave": Guard(
        "A host that is to be left when lost leaves the play as Ansible does.",
        ROLE + "test_patch_night.py"
        "::test_a_lost_server_that_is_to_be_left_leaves_the_play_as_ansible_does",
        With(TASKS + "main.yml", "Run the change", "ignore_unreachable", True),
    ),
    "max_data_loss": Guard(
        "More data than allowed is not erased by a restore.",
        UNIT + "test_phases.py::test_too_much_data_is_not_erased",
        _code("verdict", "too_much_lost", "lambda age, max_data_loss: None"),
    ),
    "many_failed_alike": Guard(
        "Many hosts that fail alike share a cause, such as a mirror: none of them is overwritten.",
        UNIT + "test_change.py"
        "::test_many_that_failed_alike_are_left_with_the_one_command_that_restores_them",
        _code("brakes", "many_failed", "lambda alike, batch, percent: False"),
    ),
    "restored_ones_are_not_restored_again": Guard(
        "The one command names no host that the run restores itself.",
        UNIT + "test_change.py::test_a_host_that_is_restored_already_is_none_of_them",
        _code("brakes", "is_restored", "lambda record: False"),
    ),
    "few_failed_alike": Guard(
        "Less than three hosts, or a share that is not exceeded, is no common cause.",
        UNIT + "test_change.py::test_few_that_failed_alike_are_restored",
        _code("brakes", "many_failed", "lambda alike, batch, percent: percent > 0"),
    ),
    "alike_is_the_same_task": Guard(
        "Hosts that fail in checks of another kind do not fail alike.",
        UNIT + "test_brakes.py::test_hosts_fail_alike_in_the_same_check_at_the_same_task",
        _code(
            "brakes",
            "failed_alike",
            "lambda records, mine: [name for name, one in records.items() if one.failure]",
        ),
    ),
    "max_restores": Guard(
        "No more servers are overwritten in a run than it may overwrite.",
        UNIT + "test_change.py::test_no_more_are_restored_than_the_run_may",
        _code("change", "_too_many", "lambda host, fleet: None"),
    ),
    "max_restores_of_all_batches": Guard(
        "Restores of earlier batches count among those of the run.",
        ROLE + "test_brakes.py::test_no_more_servers_are_restored_than_the_run_may[play1-25]",
        _code(
            "host",
            "Host.run_so_far",
            "lambda self: {host: one for host, one in original(self).items() "
            "if one.batch == self.record.batch}",
        ),
    ),
    "waits_by_a_clock_that_nobody_sets": Guard(
        "A clock that is set during a reboot ends no wait, and makes none endless.",
        UNIT + "test_reach.py::test_a_wait_ends_by_a_clock_that_nobody_sets[7200]",
        _code(
            "reach",
            "time",
            "type('', (), {'monotonic': lambda: original.time(), 'sleep': original.sleep})",
        ),
    ),
    "looks_are_cut": Guard(
        "Of what a guest prints in a look only so much is read.",
        UNIT + "test_reach.py::test_so_much_is_read_and_no_more",
        _code("reach", "LOOK_CHARACTERS", "10**9"),
    ),
    "module_defaults": Guard(
        "Defaults that a play gives the modules are none for what the role asks of the API.",
        KEYWORDS + "test_a_keyword_takes_no_rollback_away[module_defaults-play]",
        Replaced(
            "plugins/action/safe_upgrade_phase.py",
            "ActionModule._modules",
            "lambda self, options: (lambda run: lambda module, context, check_mode=None, **params: "
            "run(module, context, check_mode, **{**{key: value "
            "for defaults in self._task.module_defaults or [] for name, given in defaults.items() "
            "if name == 'vps_org.cloud.' + module.__name__.rpartition('.')[2] "
            "for key, value in given.items() if key == 'wait'}, **params}))"
            "(original(self, options))",
        ),
    ),
    "no_time_limit_for_a_snapshot": Guard(
        "A time limit of the configuration's for tasks cuts no wait for a snapshot.",
        KEYWORDS + "test_a_time_limit_of_the_configuration_cuts_no_wait",
        Without(TASKS + "main.yml", "Wait for it", "timeout"),
    ),
    "no_time_limit_for_a_restore": Guard(
        "Nor does it cut one for a restore, which goes on all the same.",
        KEYWORDS + "test_a_time_limit_of_the_configuration_cuts_no_wait",
        Without(TASKS + "restore_server.yml", "Wait for it", "timeout"),
    ),
    "no_debugger_at_the_end": Guard(
        "A debugger of the configuration's asks nothing of the role's own tasks at night.",
        KEYWORDS + "test_a_debugger_of_the_configuration_asks_nothing_of_the_roles_own_tasks",
        Without(TASKS + "main.yml", "End", "debugger"),
    ),
    "no_host_splits_its_batch": Guard(
        "Hosts lost together are counted together, though one of them names no server.",
        LOST_TOGETHER + "test_a_host_without_a_server_does_not_split_a_batch",
        _code(
            "begin",
            "begin",
            "lambda host, entry_point: (original(host, entry_point), "
            "(host.begun(host.in_play()[0]) or {}).get('server_id') or "
            "setattr(host.record, 'batch', host.name))[0]",
        ),
    ),
    "no_debugger_in_the_night": Guard(
        "Nor does it ask for a task of the user's that fails within the role.",
        KEYWORDS + "test_a_debugger_of_the_configuration_asks_nothing_of_the_roles_own_tasks",
        Without(TASKS + "main.yml", "Upgrade safely", "debugger"),
    ),
    "earlier_batches_are_not_counted": Guard(
        "Hosts that an earlier batch lost are none of those that were lost together here.",
        UNIT + "test_pieces.py::test_hosts_lost_in_an_earlier_call_or_batch_do_not_count",
        _code("host", "Host.fleet", "lambda self: self.run_so_far()"),
    ),
    "a_look_ends_what_it_started": Guard(
        "A look whose time is up ends its ssh, and what that started: nothing waits for them.",
        UNIT + "test_reach.py::"
        "test_a_connection_plugin_that_waits_for_its_process_on_the_way_out_hangs_no_phase",
        _code("reach", "_children", "lambda of='self': set()"),
    ),
}

RESTORE = {
    "restore_fails": Guard(
        "A restore that fails is told as that, with the command to repeat it.",
        UNIT + "test_phases.py::test_a_restore_that_the_api_refused_is_told_with_the_command",
        _code(
            "restoring", "_restore_failed", "lambda host, why, phase: host.move('restored', why)"
        ),
    ),
    "begun_restore": Guard(
        "A restore that may be under way is looked at before another is started.",
        UNIT + "test_phases.py"
        "::test_of_a_restore_that_may_have_begun_nobody_is_told_to_start_another",
        _code("next_steps", "after_a_begun_restore", "lambda result: None"),
    ),
    "restoring_seen_at_once": Guard(
        "A lost host's restore is proved though its wait begins after the end, as with few forks.",
        UNIT + "test_unknown_restores.py"
        "::test_a_lost_server_is_seen_restoring_though_its_wait_begins_after_the_end[looked]",
        *_NOT_SEEN_AT_ONCE,
    ),
    "the_guest_settles_a_lost_answer": Guard(
        "A restore that the guest disproves is sent again, though the API could not be seen.",
        UNIT + "test_unknown_restores.py::test_what_the_guest_disproves_is_sent_again",
        _code("settling", "settle", "lambda host, deadline: ('unknown', '')"),
    ),
    "a_silent_guest_disproves_nothing": Guard(
        "Without a guest that answers no restore is sent again, for the first may have ended.",
        UNIT + "test_unknown_restores.py"
        "::test_of_a_silent_guest_and_a_server_never_seen_restoring_nothing_is_known",
        _code("settling", "_is_as_before", "lambda host, now: True"),
    ),
    "the_look_after_a_lost_answer_counts": Guard(
        "A restore that ended before its wait began was seen by the look after the lost answer.",
        UNIT + "test_unknown_restores.py"
        "::test_a_server_seen_restoring_by_the_look_after_a_lost_answer_alone_was_seen",
        _code("timeline", "shows_restoring", "lambda timeline: False"),
    ),
    "a_drill_deletes_what_is_proved": Guard(
        "A drill deletes its snapshot when, and only when, the files prove the restore.",
        UNIT + "test_drill.py::test_a_file_of_before_that_did_not_come_back_proves_nothing",
        _code("drill", "_as_before", "lambda host: True"),
    ),
    "a_drill_names_nothing": Guard(
        "The report of a drill holds no word of the API that names something of the account.",
        UNIT + "test_drill.py::test_a_report_names_nothing_of_the_account",
        _code("drill", "_without_names", "lambda host: list(host.record.timeline)"),
    ),
    "measured_times_are_a_hint": Guard(
        "A file of measured times that cannot be read stops no night.",
        UNIT + "test_drill.py::test_a_file_that_cannot_serve_is_a_warning_and_the_night_goes_on",
        _code("measured", "problems", "lambda path: read(path) and []"),
    ),
    "restores_before_waits": Guard(
        "The cloud restores all servers at once only when all are started first.",
        ROLE + "test_snapshots.py"
        "::test_every_snapshot_and_restore_is_started_before_any_is_waited_for",
        _code("restoring", "restore", _asking("ask(*how, **{**wanted, 'wait': True})")),
    ),
    "api_down_at_restore": Guard(
        "A rollback outlasts an API that does not answer for a while.",
        ROLE + "test_restores.py::test_a_restore_outlasts_an_api_that_does_not_answer_for_a_while",
        _code("restoring", "restore", _asking("ask(*how, **{**wanted, 'rollback': False})")),
    ),
    "restore_hook": Guard(
        "A host that cannot leave its cluster is not restored.",
        ROLE + "test_restores.py"
        "::test_restore_hooks_run_around_a_restore_and_a_failing_first_one_leaves_the_server",
        _passes("hook_before"),
    ),
    "silent_after_restore": Guard(
        "A restored host that does not answer is not called restored.",
        UNIT + "test_proof.py"
        "::test_nothing_proves_a_restore_of_a_guest_that_is_silent_or_still_marked",
        _code(
            "proof",
            "prove",
            "lambda evidence, now, restoring_seen: "
            "original(evidence, now, restoring_seen) if now['answered'] else (True, '')",
        ),
    ),
    "other_host_key": Guard(
        "A restored server that shows another host key may be another machine.",
        UNIT + "test_proof.py::test_a_restore_is_proved_by_a_file_that_is_gone_and_a_new_boot",
        _code("proof", "OTHER_HOST_KEY", "'it'"),
    ),
    "marker_still_there": Guard(
        "A marker that is still on the disk means that the disk was not rolled back.",
        UNIT + "test_proof.py::test_a_restore_is_proved_by_a_file_that_is_gone_and_a_new_boot",
        _code(
            "proof",
            "prove",
            "lambda evidence, now, restoring_seen: "
            "original(evidence, {**now, 'marker': None}, restoring_seen)",
        ),
    ),
    "witness": Guard(
        "What was written right before the restore and is still there disproves it.",
        UNIT + "test_proof.py::test_a_restore_is_proved_by_a_file_that_is_gone_and_a_new_boot",
        _code(
            "proof",
            "prove",
            "lambda evidence, now, restoring_seen: "
            "original(evidence, {**now, 'witness': None}, restoring_seen)",
        ),
    ),
    "marker_of_an_earlier_run": Guard(
        "A marker that came back with the snapshot does not disprove the restore.",
        UNIT + "test_proof.py::test_a_restore_is_proved_by_a_file_that_is_gone_and_a_new_boot",
        _code(
            "proof",
            "prove",
            "lambda evidence, now, restoring_seen: "
            "(False, '') if now['marker'] else original(evidence, now, restoring_seen)",
        ),
    ),
    "boot_id_unchanged": Guard(
        "A guest with the boot id of before was not started anew, so it was not restored.",
        UNIT + "test_proof.py::test_a_restore_is_proved_by_a_file_that_is_gone_and_a_new_boot",
        _code(
            "proof",
            "prove",
            "lambda evidence, now, restoring_seen: original("
            "evidence, {**now, 'boot_id': now['boot_id'] and 'another'}, restoring_seen)",
        ),
    ),
    "reboot_of_the_change": Guard(
        "A boot id from before the change differs after the change's reboot too.",
        UNIT + "test_proof.py::test_a_restore_is_proved_by_a_file_that_is_gone_and_a_new_boot",
        _code(
            "proof",
            "prove",
            "lambda evidence, now, restoring_seen: original(Evidence("
            "evidence.boot_id, True, evidence.marker, evidence.witness), now, restoring_seen)",
        ),
    ),
    "witness_written": Guard(
        "The witness proves a restore where the change itself removed the marker.",
        UNIT + "test_phases.py::test_the_witness_serves_where_the_marker_went_missing",
        _code("guest", "witness_path", "lambda marker_path: '/proc/none/witness'"),
    ),
    "proof_in_memory": Guard(
        "What the change led into memory proves no restore: a reboot empties it.",
        ROLE + "test_proof.py::"
        "test_a_marker_that_a_reboot_hides_or_that_was_seen_missing_proves_no_restore",
        _code("marker", "note", "lambda host, now, mounts: original(host, now, False)"),
    ),
    "marker_hidden_at_boot": Guard(
        "A mount that hides the marker after the restore leaves no proof.",
        UNIT + "test_host.py"
        "::test_a_mount_that_hides_the_marker_after_the_restore_leaves_no_proof[later1-True]",
        _code("guest", "_holding", "lambda mounts, path: ('', '', '', '')"),
    ),
    "booted_from_another_root": Guard(
        "A server that booted from another device or subvolume proves no restore.",
        ROLE + "test_proof.py::"
        "test_a_marker_that_a_reboot_hides_or_that_was_seen_missing_proves_no_restore",
        _code(
            "guest",
            "state",
            "lambda text, why, marker_path='': (lambda seen: "
            "{**seen, 'mount': seen['mount'] and seen['mount'].split()[1]})"
            "(original(text, why, marker_path))",
        ),
    ),
    "part_is_no_link": Guard(
        "What is written beside the marker is written there, whatever the change put in its place.",
        UNIT + "test_guest.py::test_a_link_in_the_place_of_the_part_leads_no_text_elsewhere",
        _code(
            "guest",
            "write_command",
            "lambda path, text: original(path, text).replace('rm -f', ':')",
        ),
    ),
    "marker_seen_missing": Guard(
        "A marker that a look saw missing proves no restore of a host that is lost afterwards.",
        ROLE + "test_proof.py::"
        "test_a_marker_that_a_reboot_hides_or_that_was_seen_missing_proves_no_restore",
        _code(
            "marker",
            "note",
            "lambda host, now, mounts: original("
            "host, {**now, 'marker': now['marker'] or {'run_id': 'x'}}, mounts)",
        ),
    ),
    "no_file_no_proof": Guard(
        "A new boot id alone proves a reboot, no restore.",
        UNIT + "test_phases.py::test_without_any_file_a_restore_is_not_proved",
        _code(
            "proof",
            "prove",
            "lambda evidence, now, restoring_seen: original(Evidence(evidence.boot_id, "
            "evidence.fresh_boot_id, evidence.marker, evidence.witness or 'w'), now, "
            "restoring_seen)",
        ),
    ),
    "python_of_before": Guard(
        "After a restore the interpreter that the change brought is not used.",
        UNIT + "test_phases.py::test_after_a_restore_nothing_of_the_changed_system_is_used",
        _code("restoring", "prove", _first("setattr(host.record, 'python', host.reach.python)")),
    ),
    "joined_restore": Guard(
        "A restore that the run only joined may be from another snapshot.",
        ROLE + "test_restores.py"
        "::test_a_restore_that_an_operator_began_meanwhile_is_not_called_this_runs",
        _code("restoring", "prove", _first("host.record.started.update(changed=True)")),
    ),
    "health_after_restore": Guard(
        "A restored server that is not well must be told.",
        ROLE + "test_patch_night.py::test_a_failed_server_is_restored_and_says_why[sick-after]",
        _passes("after"),
    ),
    "reboot_of_a_restore": Guard(
        "A restore starts the host anew, so its boot id says nothing about its health.",
        ROLE + "test_restores.py"
        "::test_a_reboot_that_was_expected_is_healthy_and_so_is_that_of_a_restore",
        _code(
            "checks",
            "_found",
            "lambda host, piece: original(host, 'before' if piece == 'after' else piece)",
        ),
    ),
    "nothing_to_compare_with": Guard(
        "A mere restore does not know what was before: an old fault must not count against it.",
        UNIT + "test_checks.py::test_without_a_state_of_before_only_silence_fails_a_check",
        _code(
            "checks",
            "_found",
            "lambda host, piece: (setattr(host.record, 'before', "
            "host.record.before or {'boot_id': None}), original(host, piece))[1]",
        ),
    ),
    "unparsed_file_at_restore": Guard(
        "A broken file that is only included after a restore would end the run without a word.",
        ROLE + "test_preflight.py::test_a_file_that_cannot_be_parsed_ends_before_the_restore",
        _code("begin", "read_user_files", "lambda host: []"),
    ),
    "renamed_meanwhile": Guard(
        "A server that is renamed while its change fails is the same server, by its id.",
        ROLE + "test_restores.py::test_a_server_that_was_renamed_during_the_change_is_restored",
        _code(
            "restoring",
            "_restore",
            "lambda host, **options: "
            "original(host, server_name=host.record.result['server_name'], **options)",
        ),
    ),
    "one_candidate": Guard(
        "A restore without an id needs exactly one candidate.",
        ROLE + "test_restores.py::test_restore_without_an_id_needs_exactly_one_candidate",
        _code(
            "snapshots",
            "candidate",
            "lambda rows, settings, complete: (own(rows, settings)[0], '')",
        ),
    ),
    "unmarked_is_left": Guard(
        "A restore by hand overwrites no server that answers and bears no marker of the run.",
        UNIT + "test_asked.py"
        "::test_a_server_without_the_marker_of_the_run_is_refused_unless_asked_for",
        _code("asked", "_unmarked", "lambda host, now, run: None"),
    ),
    "red_after_a_restore": Guard(
        "A restore by hand after which something failed does not end green.",
        UNIT + "test_asked.py::test_a_proved_restore_whose_host_is_not_well_ends_red",
        _code(
            "report",
            "is_green",
            "lambda result, entry_point: result['state'] in ('upgraded', 'restored')",
        ),
    ),
    "never_green": Guard(
        "A server restored in a night never looks green: no later task and no handler runs on it.",
        UNIT + "test_report.py::test_only_the_wanted_end_is_green",
        _code("report", "is_green", "lambda result, entry_point: True"),
    ),
    "refused_transition": Guard(
        "A state that cannot follow is an error of the role's own, and is not recorded.",
        UNIT + "test_record.py"
        "::test_a_state_follows_as_the_table_says_and_another_warns_without_raising",
        _code("record", "may_follow", "lambda state, new: True"),
    ),
    "judged_with_an_error": Guard(
        "An error of the role's own while a failure is judged does not take the restore away.",
        UNIT + "test_errors.py::test_a_failure_whose_judgement_fails_stands_and_is_restored",
        _code("phases", "PHASES", "{**original, 'failed': (pieces.failed, _only_told)}"),
    ),
    "decided_with_an_error": Guard(
        "An error of the role's own in the decision does not take the restore away.",
        UNIT + "test_errors.py::test_a_failure_is_restored_when_the_decision_fails",
        _code("phases", "PHASES", "{**original, 'decide': (change.decide, _only_told)}"),
    ),
    "odd_results": Guard(
        "What a module returned may be of any shape: its failure counts all the same.",
        UNIT + "test_errors.py::test_a_failure_of_the_change_is_restored_whatever_its_result_is",
        _code("verdict", "_items", "lambda result: result.get('results') or []"),
        _code("phases", "PHASES", "{**original, 'failed': (pieces.failed, _left)}"),
    ),
    "error_without_a_failure": Guard(
        "An error of the role's own, without a failure of the change, erases no good upgrade.",
        UNIT + "test_errors.py"
        "::test_an_error_without_a_failure_of_the_change_erases_no_good_upgrade",
        _code("phases", "PHASES", "{**original, 'back': (change.back, _only_told)}"),
    ),
    "hold_at_the_decision": Guard(
        "A hold file that came during the change keeps its restore away.",
        UNIT + "test_restoring.py"
        "::test_the_hold_file_keeps_a_restore_away_at_the_decision_and_before_it_is_sent",
        _code("restoring", "plan", _first("host.settings.update(hold_file=None)")),
    ),
    "hold_before_the_restore": Guard(
        "So does one that came during the hook before the restore.",
        UNIT + "test_restoring.py"
        "::test_the_hold_file_keeps_a_restore_away_at_the_decision_and_before_it_is_sent",
        _code("restoring", "restore", _first("host.settings.update(hold_file=None)")),
    ),
    "a_fence_that_lost_its_load_balancer": Guard(
        "A server that cannot leave its service is not restored: its load balancer was dead.",
        UNIT + "test_restoring.py"
        "::test_a_hook_before_the_restore_that_lost_its_load_balancer_has_failed",
        _code("pieces", "judge", "lambda host: host.piece and passed(host, host.piece)"),
    ),
    "a_server_without_a_name": Guard(
        "A server that the API calls nothing is one of its list.",
        UNIT + "test_restoring.py::test_whatever_the_api_calls_the_server_it_is_restored[null]",
        Replaced(
            "plugins/module_utils/_rows.py",
            "Listing.shown",
            "lambda self, number: next((row for row in self.rows if row['id'] == number), None)",
        ),
    ),
    "a_server_with_another_name": Guard(
        "The name of a server never stops a restore, whatever the API makes of it meanwhile.",
        UNIT + "test_restoring.py::test_whatever_the_api_calls_the_server_it_is_restored[template]",
        _code(
            "restoring",
            "_restore",
            "lambda host, **options: "
            "original(host, server_name=host.record.result['server_name'], **options)",
        ),
    ),
}

AFTERWARDS = {
    "prune_after_success": Guard(
        "A prune that fails after success costs the server nothing.",
        ROLE + "test_snapshots.py::test_a_prune_that_fails_after_success_is_a_warning",
        _code(
            "ending",
            "finish",
            _then("host.warnings and (_ for _ in ()).throw(Failed(host.warnings[-1]))"),
        ),
    ),
    "report_unwritable": Guard(
        "A report that cannot be written costs no server its verdict.",
        UNIT + "test_record.py::test_a_report_that_cannot_be_written_is_a_warning",
        _code(
            "host",
            "Host.move",
            "lambda self, state, reason=None, **changes: "
            "(original(self, state, reason, **changes), "
            "self.warnings and (_ for _ in ()).throw(Failed(self.warnings[-1])))[0]",
        ),
    ),
    "prune_foreign": Guard(
        "A snapshot that only looks like one of the role's is somebody's.",
        UNIT + "test_snapshots.py::test_a_foreign_snapshot_is_never_own",
        _code(
            "snapshots",
            "own",
            "lambda rows, settings: [{**row, 'run_id': row['name']} for row in rows "
            "if row['name'].startswith(settings['snapshot_prefix'])]",
        ),
    ),
    "prune_protected": Guard(
        "Pruning spares this run's snapshot, an interrupted run's, and one in progress.",
        UNIT + "test_snapshots.py"
        "::test_pruning_never_takes_this_run_an_interrupted_run_or_one_in_progress",
        _code("snapshots", "_deletable", "lambda mine, run_id, interrupted_run: [*mine]"),
    ),
    "prune_no_more_than_needed": Guard(
        "Room is made by no more deletes than needed.",
        UNIT + "test_snapshots.py::test_room_is_made_by_the_oldest_own_and_by_no_more_than_needed",
        _code(
            "snapshots",
            "to_make_room",
            "lambda rows, settings, run_id, interrupted_run: "
            "_deletable(own(rows, settings), run_id, interrupted_run)",
        ),
    ),
    "prune_unknown_run": Guard(
        "A marker that cannot be read protects every own snapshot.",
        ROLE + "test_restores.py"
        "::test_a_marker_that_cannot_be_read_is_told_and_protects_every_own_snapshot",
        _code("ending", "_prune", "lambda host, now: original(host, {**now, 'marker': None})"),
    ),
    "groups_of_a_condition": Guard(
        "No task of a change alters the groups that an inherited condition names.",
        UNIT + "test_inherited_conditions.py"
        "::test_no_task_alters_the_groups_that_a_condition_names",
        _code("keywords", "refused_regrouping", "lambda tasks, conditions, extra: []"),
    ),
    "names_forged_later": Guard(
        "A fact told in mid-change names no other host.",
        "tests/unit/plugins/callback/test_night.py"
        "::test_facts_that_would_stand_for_a_host_are_forgotten_where_the_role_runs",
        Replaced(
            "plugins/callback/night.py",
            "CallbackModule._forget_names",
            "lambda self, task, host: None",
        ),
    ),
    "call_within_itself": Guard(
        "A call of the role within itself takes no rollback away.",
        ROLE + "test_changes_by_name.py"
        "::test_a_call_of_the_role_within_itself_takes_no_rollback_away[off-main]",
        _core("is_within_itself", "lambda task, role_path: False"),
    ),
    "evidence_of_nobody_else": Guard(
        "What explains a failure is kept for the user of the run alone.",
        UNIT + "test_evidence.py::test_it_is_kept_in_a_file_that_only_the_user_can_read",
        _code(
            "journal",
            "append",
            "lambda directory, name, text, mode=0: original(directory, name, text, 0o644)",
        ),
    ),
    "evidence_hidden": Guard(
        "A task that hides its result gives no evidence.",
        UNIT + "test_evidence.py::test_a_task_that_hides_its_result_gives_nothing",
        _code("verdict", "is_hidden", "lambda task: False"),
    ),
    "evidence_small": Guard(
        "A guest that floods does not fill the disk of the controller.",
        UNIT + "test_evidence.py::test_a_guest_that_floods_fills_no_disk",
        _code("evidence", "_text", "lambda host: original(host) + 'x' * 70000"),
    ),
    "undecided": Guard(
        "A host that somebody else's failure took past its decision is never called upgraded.",
        UNIT + "test_phases.py"
        "::test_a_host_that_another_took_past_its_decision_is_left_and_never_called_upgraded",
        _code(
            "ending",
            "finish",
            _first("(setattr(host.record, 'failure', None), setattr(host.record, 'due', ''))"),
        ),
    ),
    "last_attempt": Guard(
        "Where nothing runs a check again, its host ends instead of waiting for it.",
        WAITING + "test_a_check_before_that_fails_for_all_takes_no_host_from_its_end[preflight]",
        _code("pieces", "failed", _first("host.args.pop('last', None)")),
    ),
    "handlers_of_another": Guard(
        "A handler that fails for all, or lost another host, restores no host by itself.",
        WAITING + "test_a_handler_that_runs_once_takes_no_host_from_its_end_and_restores_no_other"
        "[is lost]",
        _code("pieces", "_others_lost_in_handlers", "lambda host: False"),
    ),
    "wait_in_preflight": Guard(
        "A check that fails for all takes no host from the end of preflight.yml.",
        WAITING + "test_a_check_before_that_fails_for_all_takes_no_host_from_its_end[preflight]",
        Without(TASKS + "preflight.yml", "Check that the host is healthy", "rescue"),
    ),
    "wait_in_snapshot": Guard(
        "A check that fails for all takes no host from the end of snapshot.yml.",
        WAITING + "test_a_check_before_that_fails_for_all_takes_no_host_from_its_end[snapshot]",
        Without(TASKS + "snapshot.yml", "Take the snapshot, and wait for it", "rescue"),
        Without(TASKS + "take_snapshot.yml", "Check again, and prepare the change", "rescue"),
    ),
    "wait_in_wake": Guard(
        "A hook that fails for all ends no host whose services are quiet without a word of them.",
        WAITING + "test_services_that_another_hosts_hook_left_quiet_are_told_of[main]",
        Without(TASKS + "take_snapshot.yml", "Wake the services", "rescue"),
    ),
    "wait_in_restore": Guard(
        "A hook that fails for all takes no host from the end of restore.yml.",
        WAITING + "test_a_restore_without_a_change_is_told_to_its_end_on_every_host[restore-after]",
        Without(TASKS + "restore.yml", "Restore", "rescue"),
    ),
    "wait_in_unfinished": Guard(
        "A hook that fails for all takes no host from the end of restore_unfinished.yml.",
        WAITING + "test_a_restore_without_a_change_is_told_to_its_end_on_every_host"
        "[restore_unfinished-after]",
        Without(TASKS + "restore_unfinished.yml", "Restore", "rescue"),
    ),
    "wait_after_restore": Guard(
        "A hook after a restore that fails for all takes no host from its end.",
        WAITING
        + "test_a_hook_around_a_restore_that_fails_for_all_takes_no_host_from_its_end[after]",
        Without(TASKS + "main.yml", "Decide, and restore what failed", "rescue"),
    ),
    "wait_before_restore": Guard(
        "A hook before a restore that fails for all takes no rollback of a host without hooks.",
        WAITING
        + "test_a_hook_around_a_restore_that_fails_for_all_takes_no_host_from_its_end[before]",
        Without(TASKS + "restore_server.yml", "Leave the service before the restore", "rescue"),
    ),
    "one_table": Guard(
        "The table of a batch is shown once.",
        ROLE + "test_patch_night.py::test_the_table_stands_once_with_a_row_for_every_host",
        _code(
            "ending",
            "show",
            "lambda host: host.say(report.table("
            "[(name, one.result) for name, one in host.fleet().items()], report.COLUMNS))",
        ),
    ),
    "table_width": Guard(
        "The end table is read in terminals of 100 columns.",
        UNIT + "test_report.py::test_the_table_fits_the_columns_and_cuts_no_name_away",
        _code("report", "table", "lambda rows, columns: original(rows, columns + 20)"),
    ),
    "data_lost": Guard(
        "A restore erases data; the message says of how many minutes.",
        UNIT + "test_report.py"
        "::test_a_host_that_did_not_end_well_is_told_in_a_line_and_in_a_paragraph",
        _code("report", "_lost", "lambda result: ''"),
    ),
    "free_strategy": Guard(
        "Under free there is no table, for its rows are not complete.",
        ROLE + "test_ways_to_run.py"
        "::test_free_restores_each_host_by_itself_and_shows_lines_instead_of_a_table[free]",
        _core("is_linear", "lambda task: True"),
    ),
    "json_on_stdout": Guard(
        "Lines for people do not spoil a program's JSON on stdout.",
        ROLE + "test_ways_to_run.py::test_json_on_stdout_stays_parseable",
        _core("stdout_is_json", "lambda: False"),
    ),
    "second_call": Guard(
        "A second call of the role in one play is a run of its own.",
        ROLE + "test_ways_to_run.py::test_a_second_call_in_one_play_is_a_run_of_its_own",
        _code(
            "record",
            "read",
            "lambda value: [found and setattr(found, 'calls', 0) or found "
            "for found in [original(value)]][0]",
        ),
    ),
    "harmless_texts": Guard(
        "Texts of guests and users are data: no Jinja, no secret, no control character in them.",
        UNIT + "test_texts.py"
        "::test_texts_are_one_line_without_jinja_control_characters_and_secrets",
        _code("texts", "harmless", "lambda text, secrets=(), limit=1000: str(text)[:limit]"),
    ),
    "artefacts_are_no_templates": Guard(
        "A template in the words of a failed task is never evaluated by the next job.",
        ROLE + "test_ways_to_run.py::test_an_artefact_given_to_the_next_job_is_never_templated",
        _code("texts", "_JINJA", "re.compile('(?!)')"),
    ),
    "no_log": Guard(
        "The result of a no_log task is not censored in rescue: only its name is told.",
        UNIT + "test_verdict.py::test_of_a_no_log_task_only_name_and_action_are_told",
        _code(
            "verdict",
            "failure",
            "lambda task, result, secrets=(): original("
            "task and {**task, 'no_log': False}, result, secrets)",
        ),
    ),
    "hold_before_pruning": Guard(
        "Where a hold file is, nothing is deleted either.",
        UNIT + "test_ending.py::test_the_hold_file_holds_the_pruning_too",
        _code(
            "ending",
            "_prune",
            "lambda host, now: (host.settings.update(hold_file=None), original(host, now))[1]",
        ),
    ),
    "no_marker_no_pruning": Guard(
        "Without the marker of this run an earlier one may be gone, too: nothing is pruned.",
        UNIT + "test_ending.py::test_a_marker_that_went_missing_may_have_been_an_earlier_runs",
        _code("ending", "_unmarked", "lambda host, now: None"),
    ),
    "no_marker_by_choice": Guard(
        "Where no marker is wanted, a run that ended upgraded prunes all the same.",
        UNIT + "test_ending.py::test_where_no_marker_is_wanted_even_a_silent_host_is_pruned",
        _code(
            "ending",
            "_unmarked",
            "lambda host, now: original(host, now) or "
            "(None if host.settings['marker_path'] else NO_MARKER_PATH)",
        ),
    ),
    "no_marker_path_no_pruning_by_itself": Guard(
        "Where no marker is wanted, only a run that ended upgraded prunes.",
        UNIT + "test_ending.py::test_without_a_marker_path_nothing_is_pruned_by_itself",
        _code("ending", "prune", "lambda host: _prune(host, host.look()) and None"),
    ),
    "silent_hosts_are_not_pruned": Guard(
        "A host that does not answer may bear the marker of a run that needs its snapshot.",
        UNIT + "test_ending.py::test_of_a_silent_host_nothing_is_pruned",
        _code("ending", "_prune", "lambda host, now: original(host, {**now, 'answered': True})"),
    ),
}

GUARDS = {**THREATS, **BEFORE, **SNAPSHOT, **CHANGE, **RESTORE, **AFTERWARDS}
