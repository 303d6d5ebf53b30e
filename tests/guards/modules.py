# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of the modules, of their way to the API, and of the controller that runs them."""

from __future__ import annotations

from functools import partial

from guards.form import Guard, Replaced

UTILS = "tests/unit/plugins/module_utils/"
MODULES = "tests/unit/plugins/modules/"
CALLS = "tests/integration/modules/"
TOGETHER = "tests/integration/together/"
AWX = "tests/integration/awx/"


_client = partial(Replaced, "plugins/module_utils/_client.py")
_snapshots = partial(Replaced, "plugins/module_utils/_snapshots.py")
_restores = partial(Replaced, "plugins/module_utils/_restores.py")
_servers = partial(Replaced, "plugins/module_utils/_servers.py")
_rows = partial(Replaced, "plugins/module_utils/_rows.py")
_module = partial(Replaced, "plugins/module_utils/_module.py")
_controller = partial(Replaced, "plugins/plugin_utils/_controller.py")


def _asked_with(option: str) -> Replaced:
    """Every request is sent with another option; *option* may use ``endpoint``."""
    return _client(
        "_session",
        "lambda endpoint, wire: [setattr(session, 'request', lambda *how, **wanted: "
        f"requests.Session.request(session, *how, **{{**wanted, {option}}})) or session "
        "for session in [original(endpoint, wire)]][0]",
    )


_REAL_RUN = "type(ctx)(**{**vars(ctx), 'check_mode': False})"

SENT = {
    "plain_http_is_refused": Guard(
        "The token is not sent readable over a network.",
        UTILS + "test_client.py::test_url_that_must_not_get_the_token",
        _client("is_loopback", "lambda host: True"),
    ),
    "redirects_are_not_followed": Guard(
        "A redirect is an error: the token goes nowhere else.",
        UTILS + "test_client.py::test_a_redirect_is_not_followed",
        _client(
            "_session",
            "lambda endpoint, wire: [setattr(session, 'get_redirect_target', lambda answer: "
            "requests.Session.get_redirect_target(session, answer)) or session "
            "for session in [original(endpoint, wire)]][0]",
        ),
        _asked_with("'allow_redirects': True"),
    ),
    "next_on_the_same_host": Guard(
        "The token is not sent to another host that a list names.",
        UTILS + "test_client.py"
        "::test_pages_are_asked_of_the_own_host_whatever_name_the_api_gives_itself",
        _client("next_path", "lambda base, path, following: urljoin(base + path, following)"),
        _client(
            "Client._send",
            "lambda self, method, path, *given: (setattr(self, '_base', '' if '://' in path "
            "else self.endpoint.url.rstrip('/')), original(self, method, path, *given))[1]",
        ),
    ),
    "next_stays_below_the_base": Guard(
        "The token is not sent to a page outside the API.",
        UTILS + "test_client.py::test_next_page_anywhere_else",
        _client(
            "next_path",
            "lambda base, path, following: original(base, path, following) or "
            "urlsplit(urljoin(base + path, following)).path",
        ),
    ),
    "a_netrc_entry_does_not_replace_the_token": Guard(
        "The token goes through session.auth, which .netrc cannot replace.",
        UTILS + "test_client.py::test_a_netrc_entry_does_not_replace_the_token",
        _client(
            "_session",
            "lambda endpoint, wire: [session.headers.update("
            "Authorization=f'Bearer {endpoint.token}') or setattr(session, 'auth', None) "
            "or session for session in [original(endpoint, wire)]][0]",
        ),
    ),
    "loopback_without_a_proxy": Guard(
        "Loopback never goes through a proxy.",
        UTILS + "test_client.py::test_loopback_never_goes_through_a_proxy",
        _client("Client._proxies", "lambda self, method, path: None"),
    ),
    "ca_options_before_the_environment": Guard(
        "A CA bundle named by the environment must not replace ca_path and validate_certs.",
        UTILS + "test_transport.py::test_ca_path_is_trusted",
        _asked_with("'verify': None"),
    ),
    "the_options_reach_the_certificate": Guard(
        "What validate_certs and ca_path say must reach the request.",
        UTILS + "test_transport.py::test_a_modules_options_decide_what_is_trusted",
        _module(
            "client_of", "lambda params, *given: original({**params, 'ca_path': None}, *given)"
        ),
    ),
    "no_write_after_the_deadline": Guard(
        "Nothing that writes is sent after the deadline.",
        UTILS + "test_client.py::test_no_write_after_the_deadline",
        _client(
            "Client._send",
            "lambda self, method, path, deadline, *given: "
            "original(self, method, path, Deadline(LAST_LOOK_SECONDS, self.clock), *given)",
        ),
    ),
    "a_late_name_begins_no_request": Guard(
        "A name that was resolved too late must not begin a request that nothing bounds.",
        UTILS + "test_transport.py::test_a_name_resolved_too_late_does_not_begin_a_request",
        _client("_Wire.go_on", "lambda self: None"),
    ),
    "check_mode_creates_nothing": Guard(
        "Check mode never writes.",
        MODULES + "test_snapshot.py::test_check_mode_predicts_and_only_reads",
        Replaced(
            "plugins/modules/snapshot.py",
            "_create",
            "lambda params, client, ctx, deadline, before: "
            f"original(params, client, {_REAL_RUN}, deadline, before)",
        ),
    ),
    "check_mode_restores_nothing": Guard(
        "Check mode never writes.",
        MODULES + "test_snapshot_restore.py::test_check_mode_shows_what_would_be_lost",
        Replaced(
            "plugins/modules/snapshot_restore.py",
            "run",
            f"lambda params, client, ctx: original(params, client, {_REAL_RUN})",
        ),
    ),
    "the_wrong_server_is_not_restored": Guard(
        "A snapshot of another server than the one named is not restored.",
        MODULES + "test_snapshot_restore.py::test_a_check_that_fails_sends_no_write",
        Replaced(
            "plugins/modules/snapshot_restore.py",
            "_check",
            "lambda params, *given: original({**params, 'server_name': None}, *given)",
        ),
    ),
    "no_worker_outlives_its_controller": Guard(
        "A worker whose controller was killed ends before it writes.",
        CALLS + "test_orphans.py::test_workers_end_with_their_controller",
        _controller("_watched_parent", "lambda: contextlib.nullcontext(lambda: None)"),
    ),
    "killed_at_any_step": Guard(
        "Nothing of a run lives on when its controller is killed, at whatever step.",
        TOGETHER + "test_killed_controller.py"
        "::test_nothing_is_written_after_a_controller_was_killed_at_any_step",
        _controller("_watched_parent", "lambda: contextlib.nullcontext(lambda: None)"),
    ),
    "a_bastion_decides_nothing": Guard(
        "The environment of a bastion could lead the token to another API.",
        CALLS + "test_ways_to_call.py::test_the_environment_of_a_bastion_decides_nothing",
        _controller(
            "ControllerAction._run_there",
            "lambda self, args, environment, task_vars: "
            "self._execute_module(module_args=args, task_vars=task_vars)",
        ),
    ),
    "the_token_travels_as_an_argument": Guard(
        "An environment would be shown by -vvv on the way to a bastion.",
        CALLS + "test_ways_to_call.py::test_the_most_verbose_output_does_not_show_the_token",
        _controller(
            "ControllerAction._run_there",
            "lambda self, args, environment, task_vars: (setattr(self._task, 'environment', "
            "[environment]), self._execute_module(module_args=args, task_vars=task_vars))[1]",
        ),
    ),
}

AGAIN = {
    "a_lost_right_is_no_transient_fault": Guard(
        "A refusal is not tried again.",
        UTILS + "test_client.py::test_refusals_are_not_retried",
        _client("is_transient", "lambda status: original(status) or status in (401, 403, 404)"),
    ),
    "post_is_not_retried_on_5xx": Guard(
        "A POST that may have arrived is never sent again without a look.",
        UTILS + "test_client.py::test_statuses_that_allow_another_try",
        _client("_RESENT", "{**original, 'POST': original['DELETE']}"),
    ),
    "a_busy_api_is_asked_until_the_deadline": Guard(
        "A busy API that says when to come back uses up no retry.",
        UTILS + "test_client.py::test_a_busy_api_is_asked_until_the_deadline_and_no_longer",
        _client("retry_after_seconds", "lambda value, now: None"),
    ),
    "retry_after_digits": Guard(
        "An absurd Retry-After is beyond the deadline.",
        UTILS + "test_client.py::test_retry_after",
        _client(
            "retry_after_seconds",
            "lambda value, now: None if value and len(value.strip()) > 18 and value.isdigit() "
            "else original(value, now)",
        ),
    ),
    "a_broken_handshake_is_no_bad_certificate": Guard(
        "A handshake that breaks may be tried again; a certificate that is not trusted may not.",
        UTILS + "test_transport.py::test_a_handshake_that_breaks_is_tried_again",
        _client("_untrusted", "lambda error: True"),
    ),
    "a_proxy_is_not_the_api": Guard(
        "A proxy that refuses to connect did not carry the request.",
        UTILS + "test_transport.py::test_a_proxy_that_refuses_did_not_send_the_request",
        _client(
            "Client._lost",
            "lambda self, *given: (setattr(self._wire, 'sent', True), original(self, *given))[1]",
        ),
    ),
    "create_looks_before_it_acts_again": Guard(
        "A create whose answer was lost is looked for before it is sent again.",
        MODULES + "test_snapshot.py::test_lost_answer_of_create_makes_one_snapshot",
        _snapshots("look_for", "lambda client, deadline, look: None"),
    ),
    "no_second_create_without_time": Guard(
        "A second create is not sent when there is no time left to see it through.",
        MODULES + "test_snapshot.py::test_no_second_create_without_time_to_see_it_through",
        _snapshots("SECOND_TRY_SECONDS", "-1.0"),
    ),
    "no_second_restore_once_it_may_have_ended": Guard(
        "A restore that ended unseen must not be started again.",
        MODULES + "test_snapshot_restore.py"
        "::test_a_lost_restore_is_not_sent_again_while_nobody_can_look",
        _restores("UNSEEN_SECONDS", "1e9"),
    ),
    "a_running_restore_is_joined": Guard(
        "No second restore is started while one is running.",
        MODULES + "test_snapshot_restore.py::test_a_running_restore_is_joined",
        Replaced(
            "plugins/modules/snapshot_restore.py",
            "_status",
            "lambda params, client, ctx, deadline, row: 'active'",
        ),
    ),
    "no_second_write_while_nobody_can_look": Guard(
        "A list that fails tells nothing: the lost POST may have acted.",
        MODULES + "test_snapshot.py::test_a_lost_create_is_not_sent_again_while_nobody_can_look",
        _snapshots(
            "look_for",
            "lambda client, deadline, look: original(client, deadline, "
            "lambda: outcome_of(look).value)",
        ),
    ),
    "no_second_restore_without_a_look": Guard(
        "Without the right to look at servers a lost restore is not sent again.",
        MODULES + "test_snapshot_restore.py::test_no_right_to_look_means_no_second_restore",
        _restores("_Restore._look", "lambda self: outcome_of(lambda: original(self)).value"),
    ),
    "a_pause_replaces_no_look": Guard(
        "While a lost restore may be under way, no other is sent without a look, however late.",
        MODULES + "test_finality.py::test_a_pause_that_the_api_asks_for_replaces_no_look",
        _restores(
            "_Restore.send",
            "lambda self: (setattr(self, '_unseen', self._deadline), original(self))[1]",
        ),
    ),
    "a_busy_server_is_waited_for": Guard(
        "A server that does something else refuses a restore for the moment, not for good.",
        MODULES + "test_finality.py::test_a_server_that_is_busy_is_waited_for",
        _restores("BUSY", "()"),
    ),
    "one_odd_answer_is_no_proof": Guard(
        "A status that an edge gives once is no refusal: a rollback asks again.",
        MODULES + "test_finality.py::test_one_odd_answer_takes_no_restore_away",
        Replaced("plugins/module_utils/_refusals.py", "PROOF_SECONDS", "0.0"),
    ),
    "nothing_else_ends_the_wait": Guard(
        "A list of servers that is refused for a while says nothing of the restore.",
        MODULES + "test_finality.py::test_nor_does_one_amid_the_wait",
        _servers("refuses_the_token", "lambda failed: True"),
        _servers(
            "Refusals",
            "lambda client, deadline: type('Refusals', (), {"
            "'final': lambda self, failed: not failed.transient, 'forget': lambda self: None})()",
        ),
    ),
    "never_seen_restoring_by_monotonic_time": Guard(
        "A changed clock must not end the wait for a server that was never seen restoring.",
        MODULES + "test_snapshot_restore.py"
        "::test_never_seen_restoring_counts_60_s_by_a_clock_that_cannot_jump",
        _servers(
            "wait_restored",
            "lambda client, deadline, *given: (setattr(deadline, 'elapsed', "
            "(lambda began: lambda: client.clock.now() - began)(client.clock.now())), "
            "original(client, deadline, *given))[1]",
        ),
    ),
    "requests_missing": Guard(
        "Without requests nothing can be asked, and the reason must name the library.",
        "tests/integration/role/test_preflight.py"
        "::test_requests_missing_on_the_controller_is_said_before_anything",
        _module("no_requests", "lambda: None"),
    ),
}

TOLD = {
    "restore_only_on_the_documented_success": Guard(
        "A 200 that does not say that the restore was accepted is a lost answer, no restore.",
        MODULES + "test_snapshot_restore.py"
        "::test_an_answer_that_is_not_the_documented_success_is_no_restore",
        _restores(
            "_Restore.send",
            "lambda self: self._client.request('POST', "
            "f\"{snapshots.PATH}{self._row['id']}/restore/\", self._deadline) and 'accepted'",
        ),
    ),
    "the_server_beside_an_id_is_a_cross_check": Guard(
        "An id of another server's snapshot is a mistake, not a snapshot that is missing.",
        MODULES + "test_snapshot.py::test_a_snapshot_of_another_server_is_not_awaited",
        _snapshots("cross_checked", "lambda row, server_id: row"),
    ),
    "one_look_finds_what_is_missing": Guard(
        "A snapshot that is not there must not look awaited.",
        MODULES + "test_snapshot.py::test_one_look_of_wait_only_says_what_is_missing",
        Replaced(
            "plugins/modules/snapshot.py",
            "_to_await",
            "lambda params, client, ctx, deadline: None",
        ),
    ),
    "statuses_that_failed_end_the_wait": Guard(
        "A snapshot that failed is not waited for until the deadline.",
        MODULES + "test_snapshot.py::test_failing_snapshot_is_accepted_and_not_retryable",
        _snapshots("FAILED", "()"),
    ),
    "a_new_snapshot_may_be_listed_late": Guard(
        "A new snapshot that is listed late is awaited, so that a second one is told.",
        MODULES + "test_snapshot.py::test_two_rows_after_a_lost_answer_are_told_though_late[60]",
        _snapshots("NEW_MISSING_SECONDS", "LOOK_SECONDS"),
    ),
    "twins_told_late": Guard(
        "Two snapshots after one lost answer are told, also when the second is listed late.",
        MODULES + "test_snapshot.py::test_two_rows_after_a_lost_answer_are_told_though_late",
        _snapshots(
            "wait_completed",
            "lambda *given, **named: original(*given, **{**named, 'watch': lambda rows: None})",
        ),
    ),
    "twins_of_another_controller": Guard(
        "A second snapshot that another controller made in the same moment is told.",
        TOGETHER + "test_two_controllers.py"
        "::test_two_creates_may_make_two_and_both_controllers_name_them_and_delete_nothing",
        _snapshots("create", "lambda *given: (original(*given)[0], lambda rows: None)"),
    ),
    "two_deletes": Guard(
        "A snapshot that somebody else deleted is not reported as deleted by us.",
        TOGETHER + "test_two_controllers.py"
        "::test_of_two_deletes_one_deletes_and_the_other_says_that_it_was_gone",
        _snapshots(
            "delete", "lambda client, deadline, row: original(client, deadline, row) or True"
        ),
    ),
    "api_down_while_waiting": Guard(
        "A restore under way is not called failed because the API is down when the wait begins.",
        MODULES + "test_snapshot_restore.py"
        "::test_wait_only_outlasts_an_api_that_is_down_for_minutes",
        Replaced("plugins/modules/snapshot_restore.py", "_find_patiently", "_find"),
    ),
    "pages_end_with_the_deadline": Guard(
        "A list that goes on for ever ends with the deadline.",
        UTILS + "test_client.py::test_pages_end_with_the_deadline",
        _client(
            "Client.rows",
            "lambda self, path, deadline, query=None: "
            "original(self, path, Deadline(1e9, self.clock), query)",
        ),
    ),
    "two_restores": Guard(
        "A restore that was refused because another one runs is not called this one's.",
        TOGETHER + "test_two_controllers.py"
        "::test_of_two_restores_one_restores_and_the_other_joins_it",
        _restores(
            "start",
            "lambda *given, **named: Started(original(*given, **named).message, joined=False)",
        ),
    ),
    "gone_is_borne_out_by_the_list": Guard(
        "A 404 of an edge does not make a snapshot gone that is still listed.",
        MODULES + "test_snapshot.py::test_a_snapshot_that_is_listed_is_not_called_gone",
        _snapshots(
            "delete",
            "lambda client, deadline, row: outcome_of(lambda: client.request("
            "'DELETE', f\"{PATH}{row['id']}/\", deadline)).failed is None",
        ),
    ),
    "an_unreadable_row_proves_no_absence": Guard(
        "A row that may be the one asked for must not be called missing.",
        MODULES + "test_odd_rows.py::test_an_unreadable_row_may_be_the_one_that_is_not_there",
        _rows(
            "Listing.by_id",
            "lambda self, *given: original(type(self)(**{**vars(self), 'partial': "
            "[row for row in self.partial if row['id'] is not None]}), *given)",
        ),
    ),
    "age_by_the_date_of_the_answer": Guard(
        "The clock of the controller may be wrong: where the API tells its own, that one counts.",
        MODULES + "test_snapshot_restore.py::test_age_is_judged_by_the_api_s_clock",
        _rows(
            "readable",
            "lambda client, *given: (lambda found: Listing(**{**vars(found), "
            "'now': client.clock.now()}))(original(client, *given))",
        ),
    ),
    "rows_of_others_are_skipped": Guard(
        "A row of somebody else that cannot be read must not empty the whole list.",
        MODULES + "test_odd_rows.py::test_a_server_of_somebody_else_is_skipped_with_one_warning",
        _rows(
            "readable",
            "lambda client, path, *given: [listed for listed in "
            "[original(client, path, *given)] if not listed.partial or (_ for _ in ()).throw("
            "RequestFailed('a row that cannot be read', 'GET', path, transient=True))][0]",
        ),
    ),
    "no_host_is_red": Guard(
        "A run on no host ends red.",
        AWX + "test_playbooks.py::test_every_playbook_ends_red_where_no_host_matches[status]",
        Replaced(
            "plugins/lookup/play_hosts.py", "LookupModule._no_host", "lambda self, *given: None"
        ),
    ),
    "a_dripping_answer_ends": Guard(
        "A server that drips its answer cannot hold the client beyond the limit.",
        UTILS + "test_transport.py::test_drips_end_at_the_limit_of_one_request",
        _client("_Wire.cut", "lambda self: setattr(self, 'was_cut', True)"),
    ),
    "large_answers_are_refused": Guard(
        "An answer without end must not fill the memory.",
        UTILS + "test_client.py::test_a_large_answer_is_refused",
        _client("ANSWER_BYTES", "original * 1024"),
    ),
    "no_insecure_warning_of_urllib3": Guard(
        "The user is warned once, in words of ours.",
        UTILS + "test_transport.py::test_validate_certs_off_connects_without_a_warning_of_urllib3",
        _client("InsecureRequestWarning", "BytesWarning"),
    ),
    "terminal_texts_are_harmless": Guard(
        "Control characters in texts of the API never reach the terminal.",
        MODULES + "test_bad_input.py"
        "::test_texts_of_the_api_reach_the_terminal_as_one_harmless_line",
        _module("harmless", "lambda text, *secrets, length=0: text"),
    ),
    "results_without_the_token": Guard(
        "What the API answers may hold the token; results show it masked.",
        "tests/integration/secrets/test_secrets.py::test_no_channel_shows_the_token[env]",
        _controller("remove_values", "lambda value, hidden: value"),
    ),
    "no_log_without_progress": Guard(
        "A task with no_log shows no progress.",
        CALLS + "test_ways_to_call.py::test_no_log_shows_no_progress_and_no_result",
        _controller(
            "ControllerAction._progress",
            "lambda self: lambda text: display.display(text, stderr=True)",
        ),
    ),
}

GUARDS = {**SENT, **AGAIN, **TOLD}
