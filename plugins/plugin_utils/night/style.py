# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How report.html looks: on a phone, on paper, in light and in dark."""

from __future__ import annotations

STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #fff; --text: #1b1f24; --soft: #57606a; --line: #d8dee4; --panel: #f6f8fa;
  --good: #1a7f37; --bad: #c1121f; --back: #9a5b00; --none: #57606a;
  --wait: #b6c2cf; --work: #2f6fde; --undo: #d98a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1319; --text: #e6e9ed; --soft: #9aa6b2; --line: #2c343d; --panel: #171d25;
    --good: #4ac26b; --bad: #ff7b72; --back: #e3a13a; --none: #9aa6b2;
    --wait: #46525f; --work: #5b93f5; --undo: #e3a13a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
p { margin: .25rem 0; }
header { border-left: .4rem solid var(--good); padding-left: .8rem; }
header.bad { border-color: var(--bad); }
header p, footer { color: var(--soft); font-size: .9rem; }
ul { list-style: none; margin: 0; padding: 0; }
.totals { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin-top: .6rem; }
li.good b, .good .state { color: var(--good); }
li.bad b, .bad .state, section.bad h2 { color: var(--bad); }
li.back b, .back .state, section.back h2 { color: var(--back); }
li.none b, .none .state { color: var(--none); }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 .8rem; }
.legend i:first-child { margin-left: 0; }
.legend { color: var(--soft); font-size: .9rem; }
.host {
  display: grid; grid-template-columns: minmax(8rem, 2fr) 11rem 6rem minmax(8rem, 3fr) 3fr;
  gap: 0 .8rem; align-items: center; padding: .35rem 0; border-top: 1px solid var(--line);
}
.name, .state { font-weight: 600; }
.took, .why { color: var(--soft); font-size: .9rem; }
.bar {
  position: relative; display: block; height: .8rem; border-radius: .2rem; overflow: hidden;
  background: var(--panel); print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
i { background: var(--wait); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.bar i { position: absolute; top: 0; bottom: 0; min-width: 2px; }
.s-changing, .s-verifying { background: var(--work); }
.s-restoring { background: var(--undo); }
.s-upgraded, .s-check_mode { background: var(--good); }
.s-restored { background: var(--back); }
.s-aborted, .s-left_changed, .s-restore_failed, .s-restored_unproven { background: var(--bad); }
section {
  background: var(--panel); border-radius: .4rem; padding: .1rem 1rem .8rem; margin: 1rem 0;
}
dl { display: grid; grid-template-columns: 6rem 1fr; gap: .25rem .8rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; }
pre {
  margin: .3rem 0; padding: .4rem .6rem; border-radius: .2rem; background: var(--ground);
  font: .9rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  -webkit-user-select: all; user-select: all;
}
summary { cursor: pointer; }
details { margin-top: .4rem; }
table { border-collapse: collapse; margin-top: .5rem; font-size: .9rem; }
th, td { text-align: left; padding: .15rem 1rem .15rem 0; border-top: 1px solid var(--line); }
th { border: 0; color: var(--soft); font-weight: 400; }
@media (max-width: 44rem) {
  .host { grid-template-columns: 1fr auto; }
  .bar, .why { grid-column: 1 / -1; }
  .took { grid-column: 1 / -1; }
  .bar { margin: .2rem 0; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .4rem; }
}
@media print {
  :root { font-size: 10pt; }
  body { max-width: none; padding: 0; background: #fff; color: #000; }
  .host { grid-template-columns: minmax(5rem, 2fr) 11rem 5.5rem minmax(4rem, 2fr) 4fr; }
  .host, section { break-inside: avoid; }
  details::details-content { content-visibility: visible; }
  section, pre { border: 1px solid var(--line); }
}
"""
