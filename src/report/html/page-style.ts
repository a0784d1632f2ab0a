// The look of a report: one style sheet, light and dark, wide and narrow.
export const pageStyle = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --ink: #1b2130; --muted: #5d677b; --line: #e1e5ec;
  --before: #9aa5b8; --after: #2563eb; --c1: #2563eb; --c2: #0d9488; --c3: #d97706; --c4: #9333ea; --c5: #db2777; --c6: #65a30d;
  --good: #15803d; --bad: #dc2626; --tint: #eef3fe; }
@media (prefers-color-scheme: dark) { :root { --page: #10141c; --card: #181e29; --ink: #e7ebf3; --muted: #98a3b8; --line: #2b3444;
  --before: #67738a; --after: #6ea8fe; --c1: #6ea8fe; --c2: #2dd4bf; --c3: #fbbf24; --c4: #c084fc; --c5: #f472b6; --c6: #a3e635;
  --good: #4ade80; --bad: #f87171; --tint: #1d2940; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 940px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; letter-spacing: -0.01em; }
h2 { font-size: 16px; margin: 0 0 12px; }
h3 { font-size: 13px; margin: 0 0 6px; overflow-wrap: anywhere; font-weight: 600; }
p { margin: 0 0 10px; } .muted, small { color: var(--muted); } small { font-size: 12.5px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.card, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.card { padding: 14px 16px; } .card .name { font-size: 12.5px; color: var(--muted); } .card .name::first-letter { text-transform: uppercase; }
.card .value { font-size: 24px; font-weight: 650; letter-spacing: -0.02em; line-height: 1.3; }
.card .note { font-size: 12.5px; color: var(--muted); overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); }
section { padding: 18px 20px; margin: 0 0 14px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13.5px; }
.scroll { overflow-x: auto; } th { text-align: left; color: var(--muted); font-weight: 500; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } td:first-child { overflow-wrap: anywhere; }
th.number, td.number { text-align: right; white-space: nowrap; padding-right: 0; padding-left: 12px; }
details { border-top: 1px solid var(--line); padding: 9px 0; } details:first-of-type { border-top: 0; }
summary { cursor: pointer; display: flex; gap: 10px; flex-wrap: wrap; align-items: baseline; }
summary::before { content: "▸"; color: var(--muted); } details[open] > summary::before { content: "▾"; }
summary code { font-weight: 600; } summary .counts { color: var(--muted); margin-left: auto; font-size: 13px; }
details ul { margin: 8px 0 4px; padding-left: 22px; } li { margin: 2px 0; overflow-wrap: anywhere; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.idle { opacity: 0.6; } .warning { border-left: 3px solid var(--c3); padding-left: 14px; }
.chart svg { display: block; width: 100%; height: auto; font-family: inherit; } .narrow { display: none; }
.grid { display: grid; grid-template-columns: 1fr 1fr; gap: 18px 24px; } .grid > div { min-width: 0; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 5px 0 10px; } .key:first-child { margin-left: 0; }
footer { color: var(--muted); font-size: 12.5px; margin-top: 18px; overflow-wrap: anywhere; }
@media (max-width: 640px) { main { padding: 18px 12px 32px; } h1 { font-size: 20px; } section { padding: 14px; }
  th.number, td.number { white-space: normal; padding-left: 8px; } td:first-child { min-width: 7.5em; }
  .wide { display: none; } .narrow { display: block; } .grid { grid-template-columns: 1fr; }
  .cards { grid-template-columns: 1fr 1fr; gap: 8px; } .card { padding: 11px 12px; } .card .value { font-size: 19px; } }
@media print { body { background: none; } section, .card { break-inside: avoid; } }
`;
