# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of messages, such as ``[VPS101]``: docs/troubleshooting.md has a section for each.

A code never changes, and is never given to another message. The next free number of its hundred is
a new one's.
"""

from __future__ import annotations

import functools
import re
import typing as t

#: A code, and words of a message, a line. ``…`` stands for what is put in at run time. Words that
#: end with it quote a cause: where the cause is known, its code says more. After ``=`` stands a
#: text that is shown only as a part of others, or in a table.
_CATALOGUE = """
101 No API token is given
102 the API token stands as plain text in
103 api_token holds characters that no HTTP header can carry
104 api_url is refused:
104 it is no URL (
104 it holds a blank or a line break; take it out
104 it must begin with https://
104 it must not hold a query or a fragment
104 it holds user information; give the token by api_token
104 plain http would send the token readable
105 ca_path: there is no
106 validate_certs is off: anyone on the way
107 The … must be a boolean, such as
107 The … must be an integer, got …. Correct it
107 The … must be a list, with a hyphen
107 The … must be a mapping of names, got
108 must be … or more, got
108 must be … or less, got
108 must be a whole number, got
109 wait_only goes with state=present only
109 snapshot_id goes with state=absent or wait_only only
109 server_id and name together
110 is refused: the API takes letters, digits, hyphen
111 accepted_at must be an ISO 8601 time
112 does not support async: it waits by itself
113 missing required arguments:
201 Cannot ask the API: …
201 Cannot list the servers: …
201 Cannot list the servers of …: …
201 …. … was not touched: run this again when the API answers
202 Check the token (option api_token
203 The token lacks the right for this call
204 Too many requests; try again later
205 no connection to
206 the address of the proxy in … is no URL
207 The Python library … is too old:
208 no trusted connection to
209 no complete answer from
209 no complete answer within
210 the connection to … was lost:
210 the answer was cut short
211 not sent, for the … s are over
212 the API answered with a redirect
213 the answer is not JSON:
213 api_url does not end with /api/v1
213 the answer is not a list
213 the answer is compressed, which was not asked for
213 the answer is larger than … MiB
214 the answer holds a snapshot without its documented fields
214 the list holds no server with an id
215 lack what is needed and are skipped:
216 the list holds … without
217 the API shows no creation time of
217 would restore server … in the last unknown time
217 =…of an unknown time
218 list of …s is not complete:
218 rows are missing
219 the list continues at a foreign address
220 the answer holds too much to be read safely
220 the answer holds more than … rows
221 no text (HTTP …
222 Cannot ask the account: …
223 This account differs from the documentation
301 Cannot create snapshot '…' of server …: …
302 The server holds … of 5:
303 Check server_id: the API knows no such server
304 Cannot create snapshot '…. No new snapshot of that name appeared
304 Cannot create snapshot '…. No snapshot of that name was seen
305 Cannot create snapshot '…; and whether it was done cannot be seen:
306 new snapshots named '…': …. One was listed late
307 Snapshot … is not completed:
307 it ended '
307 it is missing from the list for
307 the time limit of … s passed; the last poll failed:
307 =never seen
308 has the name '…: delete it, or choose another name
309 has another description, which the API cannot change
310 holds several snapshots named '
311 the API would refuse this one
312 to wait for. It holds
313 belongs to server …, not to server …: nothing was done
351 Cannot delete snapshot …: …
351 Cannot delete snapshot …. Whether it will still be deleted
352 Nothing was deleted; say which one by snapshot_id
353 was listed, but gone when it was to be deleted
354 was deleted, but the check that it is gone failed:
354 its deletion was accepted, but
401 Cannot restore server …: …
402 and only a completed snapshot is restored
403 the API calls the server '
404 s old, older than max_age
405 Nothing was restored; say which one by snapshot_id
405 to restore. It holds
405 =snapshot named '…
406 is not in the list of servers: nothing was restored
407 Cannot check server … before its restore: …
408 is already being restored, perhaps from another snapshot
408 joined a restore that was already running
409 Cannot restore server …; and the server was not seen restoring
409 Cannot restore server …; and whether it was accepted cannot be seen
409 the answer does not say that the restore was accepted
410 the server's status is '…', and
410 the restore is sent again, for it was not carried out
410 =hidden from this token
410 =not visible
411 =asked again: …
411 the restore is not accepted yet:
412 is awaited without its snapshot's row:
413 the answer to the restore was lost
413 =the server is restoring
414 The restore of server … was accepted, but
414 the time limit of … s passed
414 =the server is '…
414 not in the list of servers, … elapsed
415 was never seen restoring: the API shows it as
416 The end of the restore cannot be awaited:
417 the end of the restore cannot be awaited, for
451 proved: …; but then:
451 health check after the restore failed, attempts:
452 =the marker is gone and the boot id is new
452 =the marker of the earlier run … came back with it
452 =it passed its health check afterwards
452 =it passed the built-in checks afterwards
452 =it answers, and no other check of its health was required
452 =the witness is gone and the boot id is new
452 =the marker is gone (no boot id to compare) …
453 it runs kernel … where … ran before
454 the API says that the restore is finished
454 the API cannot be asked whether the restore is finished
454 the restored host does not answer:
454 the controller cannot ask the restored host:
454 the marker written before the change is still on
454 what was written right before the restore is still on
454 the guest was not started again
454 the boot id is new, which proves a reboot
454 the marker is gone and the boot id is new, but the guest
454 neither marker nor boot id could be compared
454 is on the guest's disk, which proves nothing
454 the machine that answers may be another
455 the server was being restored already, perhaps
456 the restored host shows another host key
501 ; their hosts carry the id too
502 ; its host carries the id too
503 which does not begin with a letter or a digit; its host is
503 which means something else to Ansible; its host is
503 as a group; its host is
503 as a host of another source; its host is
504 which ssh takes for an address, but
504 without an address Ansible connects to the name itself
505 is no address of a host; ansible_host is not taken
505 which is neither an address nor the name of a host
506 The source file holds options that do not exist
507 The filter … is no text
507 The filter … holds a template: write the expression alone
507 The filter … is no Jinja expression:
507 The filter … but there are only
507 The filter … can be applied to no server
508 the filter … which are left out:
508 Cannot apply the filter
509 filters leave none of
551 failed before the role: …
551 =failed at '…
552 host was not started:
552 hosts were not started:
552 =stopped after …
552 =…and …more
552 once the others are well, add … to the same command
552 =a --limit with the names of these hosts
553 the role had not begun there
554 the run ended while the host was in the state
554 nothing is known of the host after its state
554 =the run did not end
554 It is not known whether the server was restored;
555 a later task of the play failed: …
555 check that task; the role itself ended well
556 =Patch night …
556 =… to change
556 =…and …taken back
557 the report cannot be written to
557 it is no folder that this user may write
558 the notification of the night was not sent
558 the Python library requests is not installed
558 its URL must begin with https://
559 report_dir is not given
559 cannot read …/report.json:
559 =it is no JSON: …
559 =it is no text: …
559 it is no report of a night
559 it has no usable '
559 it has an unusable value:
601 safe_upgrade cannot start: …
601 safe_upgrade_server_id is not given
602 expected a mapping, got a text:
603 safe_upgrade_change is not given
604 safe_upgrade_… must be … or more, got
604 safe_upgrade_… must be … to …, got
605 safe_upgrade_… must be an absolute path, got
606 safe_upgrade_… may hold letters, digits, hyphen and underscore
606 make a snapshot name longer than
606 the snapshot name … is longer than
607 safe_upgrade_… must be an ISO 8601 time with its offset
608 is a time of day, and begins or ends a window
608 safe_upgrade_time_zone is not given
608 is no zone that this controller knows
609 safe_upgrade_marker_path may hold no '!'
610 no such variable of the role:
611 the role safe_upgrade has no such variables
612 safe_upgrade_snapshot_id and safe_upgrade_restore_run exclude
613 no such file on the controller
613 is a folder, no tasks file
613 holds no list of tasks
613 holds no task: nothing would be done
613 is a playbook; give a file that holds
614 the role … was not found in
614 the role … was not found: is its collection installed
614 the role … has no …: nothing would be done
615 is no role; a tasks file needs its absolute path
615 =…, which is not there
616 would end the host's play before the change is verified; take it out
616 would end the role that it stands in
616 is no handler for Ansible, which would end the run
617 imports a file that is not found
618 notifies the handler '
619 the role was not run from its beginning
620 phase must be one of
621 an error of the role itself in its phase
621 cannot follow '…': please report it
622 tasks that lose their host are noticed by the registers
623 safe_upgrade_health.http: no http or https URL:
623 safe_upgrade_health.http: the URL for … holds user information
631 the host does not answer: …
632 is not among the servers this token can see
633 which is not complete, may lack it
634 is '…', not 'active': wait, or start it
635 is the address of server …: a restore would overwrite the wrong server
636 is the address of no server that the API lists
637 is also named by …: two hosts of one play
638 the host is the controller itself
638 =its connection is local
638 =its boot id is the controller's
639 Ansible's modules do not run on the host
639 its Python is …, and Ansible's modules need
640 is in progress: another run may be at work
641 the server holds … snapshots (
642 changed this server and never ended well
642 check the server; … keeps the server as it is
643 too late to start a change
643 too early to start a change
643 and a change may start from
644 the condition 'when: …' reaches every task of the role
645 'delegate_to: …' reaches every task of the role
646 'run_once: true' reaches every task of the role
646 the role itself sets …, and an extra variable
648 would end the host's play before the change is verified; take it out, or write
648 would bring back hosts that have failed
648 would forget what was noted of every host
649 the hold file
650 facts of … have names that only variables may have
650 facts of … have names of variables (
652 cannot be evaluated: …. A restore reads no facts
653 force_handlers is on
654 the server has no snapshot of run
654 snapshot … of run … not 'completed'
655 unhealthy before the change:
656 the servers could not be listed (…): whether server
657 the role itself sets safe_upgrade_loss, and a variable
658 'run_once' under the strategy '
663 Ansible ends the run for all hosts, also for those
664 is no word that Ansible knows, and a template is never filled in there
659 unhealthy before the change: …, asked from the
659 , asked from the …: status …, not
659 , asked from the …: the page lacks the text
659 , asked from the …: no answer:
660 alters groups, and the condition 'when: …'
661 is this role itself: name what it is to do
661 safe_upgrade was called by a file or a role that it runs
662 would overwrite what the role itself keeps in that variable
662 safe_upgrade_result, in which the role keeps its record, was overwritten
671 safe_upgrade_measured is not used:
671 =its path is not absolute
671 =it is no file
671 =it is not JSON: …
671 =it is not a report of the playbook drill
672 the servers could not be listed (…): the server's status
673 a snapshot may not hold these writable mounts
674 a failure of the handler '…' is ignored
674 interrupts all hosts of the batch
675 facts with names of variables are ignored
676 the server is full; to make room
677 the guest has no tool for these checks
678 Packages are half-installed or not configured
679 The upgrade would remove
680 os_packages_lock_timeout: the upgrade was not begun
681 The package manager of this host is
682 os_packages_exclude takes names of packages
683 os_packages_security_only upgrades from package sources
683 os_packages_security_only upgrades by security advisories
684 os_packages_remove_old_kernels is for apt alone
685 already has snapshot … of run
686 of safe_upgrade_snapshot_max_age
687 is no longer among the server's completed ones
688 began or ended on this server meanwhile
688 began on this server meanwhile
689 the server holds two snapshots of run
690 does not cover this change: it is '
691 =Make room
691 =Take the snapshot
691 =Wait for the snapshot
692 the marker … cannot be written:
692 which a reboot empties, so it could prove no restore
693 the marker … cannot be removed:
694 the quiesce hook after the snapshot failed
701 failed (its result is hidden by no_log)
701 =failed at: …
701 =a task without a name
702 =a notified handler
702 the handler failed
703 =probe of the host
703 the host did not answer again within
704 =a task that Ansible does not name
704 often a file or a role to include that is missing
705 =no pong
705 =no answer within … s
706 the host was unreachable in this task:
707 on which this task runs, was unreachable
707 on which it runs, was unreachable
708 a fact of the guest's, safe_upgrade_loss
709 =built-in checks
710 the host was unreachable during the task that registers
711 verification failed, attempts: …
711 health check failed, attempts: …
712 .service failed
712 .socket failed
712 .timer failed
712 .mount failed
712 keeps crashing, restarts:
712 is not active any more
712 is unpacked, not configured
712 is half-configured
712 is half-installed
712 is waiting for a trigger
712 is waiting for its trigger to be processed
712 is to be reinstalled
712 sshd -t:
712 full, left:
712 became read-only
713 the check '…' cannot be asked any more
713 =it is not there any more
714 is still starting
714 now: it will not start at the next boot
714 is not mounted any more
714 nothing listens on … any more
714 the default route is gone
714 name resolution is gone
714 the clock is not synchronised any more
714 the default IPv6 route is gone
715 the host did not reboot, though
715 the host rebooted, though
716 the check of the guest was cut off
717 times during the upgrade, or did not say how it went
718 since the change the connection leads to another
719 since the check the connection leads to another machine
720 includes itself again and again, … includes and blocks deep:
720 includes itself without a condition, so without end;
731 safe_upgrade_on_failure: leave
731 safe_upgrade_on_unreachable: leave
731 safe_upgrade_on_delegate_lost: leave
732 many lost at once:
733 many failed alike:
733 to restore all that failed alike:
734 servers are restored in this run already
735 interrupted by a failure outside this host
735 a failure outside this host ended the change
736 the controller, not the host:
736 ssh does not run:
736 a signal ended ssh:
737 a restore would erase … of data, more than
738 the hook before the restore failed: …
751 =…(server …): …Next: …
752 would delete snapshot … of …, server
753 fix the reason and run again
753 This run started no change and no restore
754 Restored from snapshot
754 find out why the change failed before the next try
755 It is not proved that the server is as in
754 check the server before it serves again
754 nothing to do: this was a drill
754 this was a drill; delete its snapshot
755 check it in the dashboard (by a console
755 restore it again, for nothing was rolled back
756 The reason says whether the server was restored
756 check the server's status first
756 When it is not restoring, check it:
757 The server was NOT restored
757 check the server; … and how to confirm it
758 run again without check mode
758 would take snapshot '
758 would take no snapshot
758 would build on snapshot
758 would restore server … in the last
758 : a restore erases what was written in the last
759 =nothing to do
760 upgraded, but not tidied up: …
760 nothing is pruned:
760 nothing is pruned, and the marker
761 the report cannot be written:
761 what explains the failure cannot be kept in …:
761 any user can write there
761 is no ordinary file
761 is there, and others can read it
761 its file system does not answer within … s
761 the process that writes it was killed
762 what explains the failure is kept in
763 the last failed task:
763 the guest said nothing:
801 choose one by safe_upgrade_snapshot_id or safe_upgrade_restore_run from
801 holds no snapshot, so nothing can restore it
801 list of snapshots is not complete, and the restore needs
801 =a completed snapshot of run …
801 =exactly one completed snapshot made by this role
801 =none at all
801 shows what a restore from the newest one would erase
802 Nothing was restored. … would be overwritten
802 To restore … which cannot be undone:
802 =Nothing would be restored
802 =API STATUS
802 =MARKER OF THE RUN
802 =AT STAKE
802 =no marker
802 =not checked
803 it has no marker of run
803 it bears the marker of run …, which changed it later
803 =…; …shows what is known of it
804 is being restored already: start no other restore
804 =wait; …shows its status
805 the restore was asked for
805 restored as asked; proved:
805 nothing to do; snapshot
805 =Check that the restored host is healthy
806 =INTERRUPTED RUN
806 =restore or release
806 =check it
806 =to see whether the restore has ended
806 =to see what a restore would erase, and how to confirm it
806 =to accept the server as it is, when you fixed it by hand
807 : the server stays as it is
807 it has no marker, so there is nothing to release
808 nothing was released: …
808 safe_upgrade_marker_path is empty, so it bears no marker
808 is being restored; … shows what becomes of it
808 it bears the marker of run …, not of run
809 nothing was done: the inventory holds no host
809 nothing was done: the pattern
809 nothing was done: --limit
809 nothing was done: a part of the pattern
809 nothing was done: … is no host pattern
809 nothing was done: no task of this playbook has tags
809 the host pattern holds the API token
810 safe_upgrade_hosts is not given
810 safe_upgrade_what is not given
811 safe_upgrade_results is not given
812 but the server bears no marker of a change
812 but the server bears the marker of run
812 check the server; … and what comes next
813 out of the play (meta: end_host)
814 nothing is left for this job to restore here
815 Nothing is to be restored
815 and the marker of the change is on the server
815 and the guest does not answer:
815 and there is no marker to search for
815 the jobs before said nothing of it, but its marker did
816 and no marker of that run on the server confirms it
816 whose marker would confirm it, does not answer
816 and nothing can be asked there: …
816 that bears the stamp of
816 the jobs before named hosts that are not in this play
817 the workflow ends with this job
818 the jobs before named other hosts
818 the jobs before named server …, but the variables of
818 which is none of this workflow
818 bears no signature of this job's token (was the token changed?)
818 the job was given … as extra variables
818 these extra variables are ignored
818 the extra variable … names one server or snapshot for all
819 was taken of the host …, and this is
819 confirmed by safe_upgrade_confirm_server
819 whether the address is the server's was not checked:
820 awx_kit_project_url is not given
820 awx_kit_machine_credential is not given
820 VPS_ORG_API_TOKEN is not set; the credential needs it
821 The credential … was not created:
821 With --check nothing is created, and AWX's modules
822 A drill overwrites one server, whose name must be confirmed
823 where databases do: a restore would lose
824 nobody knows whether it boots again
825 does not show in /proc how long it is up
826 Nothing was done. The report cannot be written:
827 Nothing was done. … cannot be written on
828 Without --check a drill takes this snapshot
829 The drill fails here on purpose
830 The drill ended before its restore
831 The restore is proved, but its snapshot could not be deleted
832 The drill is not proved
891 =…: snapshot …elapsed, …
891 =…: restoring from snapshot …elapsed, …
891 s of this plan took
892 =…server=…snapshot=…run=…reason: …
893 =safe_upgrade run=…host=…
901 Failed to import the required Python library (requests)
902 couldn't resolve module/action 'vps_org.cloud.…'
903 Validation of arguments failed
904 parameters are mutually exclusive: snapshot_id|name
904 Unsupported parameters for
904 value of … must be one of:
904 is of type … and we were unable to convert to
904 but any of the following are missing:
904 but all of the following are missing:
904 one of the following is required:
904 parameters are required together:
905 Host key verification failed
905 REMOTE HOST IDENTIFICATION HAS CHANGED
906 Permission denied (
906 Permission denied, please try again
906 Invalid/incorrect password
906 Too many authentication failures
907 Could not resolve hostname
907 Name or service not known
907 nodename nor servname provided, or not known
908 Failed to connect to the host via ssh: …
908 Data could not be sent to remote host
908 Connection timed out
908 Operation timed out
908 Connection refused
908 No route to host
908 Connection reset by peer
908 Connection closed by
908 kex_exchange_identification:
908 Shared connection to … closed
909 Unable to parse … as an inventory source
909 No inventory was parsed
909 Completely failed to parse inventory source
910 skipping: no hosts matched
910 Could not match supplied host pattern
910 leaves us with no hosts to target
910 provided hosts list is empty
911 Missing sudo password
911 a password is required
911 Incorrect sudo password
911 Sorry, try again.
911 is not in the sudoers file
911 a terminal is required to read the password
911 waiting for privilege escalation prompt
911 you must have a tty to run sudo
912 Could not get lock /var/lib/
912 Unable to acquire the dpkg frontend lock
912 Failed to lock apt for exclusive operation
912 Unable to lock directory /var/lib/apt/lists/
913 Failed to fetch
913 404 Not Found
913 Hash Sum mismatch
913 File has unexpected size
913 does not have a Release file
913 Some index files failed to download
913 Unable to fetch some archives
913 Temporary failure resolving
913 Failed to update apt cache
913 Cannot initiate the connection to
914 NO_PUBKEY
914 signatures couldn't be verified
914 signatures were invalid
914 The repository '…' is not signed
914 Release file for … is not valid yet
914 Release file for … is expired
915 dpkg was interrupted, you must manually run
915 Sub-process /usr/bin/dpkg returned an error code
915 dpkg: error processing package
915 have unmet dependencies
915 Unmet dependencies
915 held broken packages
916 Unable to locate package
916 No package matching
916 No match for argument
916 No package … available
917 Failed to download metadata for repo
917 Cannot prepare internal mirrorlist
917 Cannot download repomd.xml
917 All mirrors were tried
917 No URLs in mirrorlist
917 Failed to synchronize cache for repo
917 Curl error (
918 lockfile is held by another process
918 Could not acquire lock
918 rpmdb open failed
918 database disk image is malformed
919 Depsolve Error
919 Could not depsolve transaction
919 nothing provides
919 cannot install the best
920 Failed to validate GPG signature
920 GPG check FAILED
920 Public key for … is not installed
921 No space left on device
921 enough free space
921 Disk quota exceeded
921 more space needed on the
922 Read-only file system
923 Timed out waiting for last boot time check
923 Timed out waiting for post-reboot test command
923 Reboot command failed
924 MODULE FAILURE
924 The module interpreter … was not found
924 The following modules failed to execute
924 Failed to create temporary directory
925 Timeout when waiting for
925 Status code was … and not
925 async task did not complete within the requested time
926 Unable to start service
926 Unable to restart service
926 Unable to reload service
926 Could not find the requested service
926 Job for … failed
927 ' is undefined
927 has no attribute
928 no vault secrets found
928 Decryption failed
"""
#: From here on: words of Ansible, ssh and package managers.
_OF_OTHERS = 900
#: Up to here the API's own words are quoted, in which words of others mean something else.
_OF_THE_API = 500
_CODE = re.compile(r"\[VPS(\d{3})\]")
_AT_THE_END = re.compile(r"( \[VPS\d{3}\])?$")
#: So much of a text is searched: it may be of any size, and quote causes without end.
_READ = 4000
#: A blank and a code.
CODE_LENGTH = len(" [VPS101]")
#: A task of the change failed, with words of its own.
OWN_TASK = 701
#: A file holds no tasks that Ansible could run, in Ansible's own words.
NO_TASKS = 613


class _Words(t.NamedTuple):
    code: int
    pieces: list[str]
    whole: bool

    def span(self, text: str) -> tuple[int, int] | None:
        """Where they begin and end in *text*; None when they are not in it."""
        start = end = -1
        for piece in self.pieces:
            found = text.find(piece, max(end, 0))
            if found < 0:
                return None
            start, end = (found if start < 0 else start), found + len(piece)
        if self.whole and (start > 0 or (self.pieces[-1] and end < len(text))):
            return None
        return start, end


@functools.cache
def catalogue() -> tuple[_Words, ...]:
    """Every entry."""
    found = []
    for line in _CATALOGUE.strip().splitlines():
        code, _space, words = line.partition(" ")
        found.append(_Words(int(code), words.lstrip("=").split("…"), words.startswith("=")))
    return tuple(found)


def coded(text: str, otherwise: int | None = None) -> str:
    """*text* with the code of its message, unless it is unknown or there; *otherwise*: of that one.

    A part that was added to a text with a code gets one of its own.
    """
    there = list(_CODE.finditer(text))
    if there and there[-1].end() == len(text):
        return text
    added = text[there[-1].end() :] if there else text
    code = code_of(added) or code_of(text) or (None if there else otherwise)
    if code is None or str(code) in (one[1] for one in there):
        return text
    return f"{text} [VPS{code}]"


def joined(texts: t.Iterable[str | None]) -> str:
    """Reasons as one text, each with its code."""
    return "; ".join(coded(text) for text in texts if text)


def shortened(text: str, length: int) -> str:
    """*text*, *length* at most; a code at its end stays."""
    if len(text) <= length:
        return text
    end = _AT_THE_END.search(text)
    kept = end[0] if end else ""
    return f"{text[: length - 3 - len(kept)]}...{kept}"


def codes(text: str) -> str:
    """The codes in *text*, with a blank before each."""
    return "".join(f" {one[0]}" for one in _CODE.finditer(text))


def code_of(text: str) -> int | None:
    """The code of the message that begins first in *text*, or of the cause that it quotes."""
    return _code_of(text[:_READ], catalogue())


def _code_of(text: str, among: t.Sequence[_Words]) -> int | None:
    spans = ((one, one.span(text)) for one in among if one.pieces[0] in text)
    found = [(span[0], -sum(map(len, one.pieces)), span[1], one) for one, span in spans if span]
    if not found:
        return None
    _start, _length, end, words = min(found)
    if words.whole or words.pieces[-1]:
        return words.code
    others = words.code > _OF_THE_API
    causes = [one for one in among if not one.whole and (others or one.code < _OF_OTHERS)]
    return _code_of(text[end:], causes) or words.code
