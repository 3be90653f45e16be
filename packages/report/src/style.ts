/** The page's style: light and dark by the system's setting, nothing fetched, tables that scroll inside themselves. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2127; --ink-soft: #4d5763; --line: #d5dae0; --faint: #8a94a0; --field: #f4f6f8;
  --accent: #1f5fbf; --alert: #8a4b00; --alert-paper: #fff6e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e6e9ed; --ink-soft: #a9b2bd; --line: #343b44; --faint: #7c8794; --field: #1d2228;
    --accent: #7db1ff; --alert: #ffc670; --alert-paper: #2a2114;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; }
h2 code { font-weight: 600; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 2.5rem 0 .5rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
h4 { font-size: .95rem; margin: 1rem 0 .25rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--accent); }
code { font: .9em ui-monospace, 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }
small, .note, figcaption { color: var(--ink-soft); font-size: .875rem; }
.lead { font-size: 1.05rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
.scroll.tall { max-height: 34rem; overflow-y: auto; }
.scroll:focus-visible, .nodes:focus-visible, button:focus-visible, summary:focus-visible, input:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .875rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { padding: .35rem .65rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); font-weight: 400; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--field); font-weight: 600; white-space: nowrap; }
tbody th code { white-space: nowrap; overflow-wrap: normal; }
tbody th a code, tbody th code.long { white-space: normal; overflow-wrap: anywhere; }
tbody th:has(a), tbody th:has(.long) { min-width: 9rem; }
.right { text-align: right; white-space: nowrap; }
.sortable td { white-space: nowrap; }
.sortable td:last-child { white-space: normal; min-width: 13rem; }
thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
thead button:hover { text-decoration: underline; }
thead button span { display: inline-block; width: 0; height: 0; margin-left: .35rem; border: .25rem solid transparent; }
thead button span { border-top-color: var(--faint); transform: translateY(.1rem); }
th[aria-sort=ascending] button span { border-top-color: transparent; border-bottom-color: var(--ink); transform: translateY(-.15rem); }
th[aria-sort=descending] button span { border-top-color: var(--ink); }
.filter { display: inline-block; margin: 0 .75rem .5rem 0; font-size: .875rem; }
input { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--faint); border-radius: 4px; padding: .2rem .5rem; width: 14rem; max-width: 60vw; }
.shown { font-size: .875rem; color: var(--ink-soft); }
ul, ol { padding-left: 1.4rem; margin: .5rem 0; }
ul.plain { list-style: none; padding: 0; margin: 0; min-width: 20rem; }
.warnings { border-left: 4px solid var(--alert); background: var(--alert-paper); padding: .25rem 1rem; margin: 1.25rem 0; border-radius: 0 6px 6px 0; }
.warnings h3 { margin-top: .5rem; color: var(--alert); }
details { margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; padding: .25rem 0; }
figure { margin: 1.5rem 0; }
figure svg { display: block; max-width: 100%; height: auto; }
.plot .narrow { display: none; }
.sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
.nodes { max-height: 26rem; overflow-y: auto; border: 1px solid var(--line); border-radius: 6px; padding: .5rem .75rem .5rem 3.25rem; margin: 0; font-size: .8125rem; }
.name { overflow-wrap: anywhere; }
[hidden] { display: none; }
@media (max-width: 46rem) {
  .plot .wide { display: none; }
  .plot .narrow { display: block; }
  .sortable td:last-child { white-space: nowrap; }
  .sides { grid-template-columns: minmax(0, 1fr); }
  .nodes { max-height: 16rem; }
}
@media print { .scroll, .scroll.tall, .nodes { overflow: visible; max-height: none; } .filter { display: none; } }
`
