/** What charts need beside the looks that all reports share. */
export const CHARTS = `
:root { --tone0: #1b5e9b; --tone1: #b4560b; --tone2: #1c7a48; --tone3: #8a2f8f; --tone4: #8a6d00; --tone5: #b3261e; --tone6: #0f7a80; --tone7: #5c6570; }
@media (prefers-color-scheme: dark) { :root { --tone0: #7cb7ee; --tone1: #f5a26b; --tone2: #5fc58c; --tone3: #d69be8; --tone4: #d9c25a; --tone5: #ff8a80; --tone6: #5fcfd6; --tone7: #9aa4ae; } }
.tone0 { --tone: var(--tone0); } .tone1 { --tone: var(--tone1); --dash: 7 3; } .tone2 { --tone: var(--tone2); --dash: 2 3; } .tone3 { --tone: var(--tone3); --dash: 9 3 2 3; } .tone4 { --tone: var(--tone4); --dash: 4 4; } .tone5 { --tone: var(--tone5); --dash: 12 4; } .tone6 { --tone: var(--tone6); --dash: 1 4; } .tone7 { --tone: var(--tone7); --dash: 10 3 2 3 2 3; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 31rem), 1fr)); gap: 1rem; }
.chart { margin: 0 0 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1.1rem .6rem; min-width: 0; } .charts .chart { margin: 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .3rem; }
.chart .scroll svg { display: block; width: 100%; height: auto; } .chart.whole .scroll svg { min-width: 38rem; } .chart.half .scroll svg { min-width: 22rem; } .chart svg text { font-size: 12px; font-variant-numeric: tabular-nums; }
.curve { fill: none; stroke: var(--tone); stroke-width: 2; stroke-linejoin: round; stroke-dasharray: var(--dash, none); } .under { fill: var(--tone); opacity: .12; } .chart circle { fill: var(--card); stroke: var(--tone); stroke-width: 2; }
.mark { stroke: var(--ink); stroke-dasharray: 3 3; } svg text.marked { fill: var(--ink); font-weight: 600; }
.lines { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0 0 .4rem; padding: 0; font-size: .85rem; } .lines svg { vertical-align: middle; }
.warnings { --tone: var(--hung); border: 1px solid var(--tone); border-left-width: .5rem; border-radius: 10px; background: color-mix(in srgb, var(--tone) 7%, var(--card)); padding: .8rem 1.2rem .8rem 2.2rem; margin: 0 0 1.2rem; }
.tally.figures { grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); } .figures b { font-size: 1.35rem; white-space: nowrap; } .figures span { font-size: .88rem; color: var(--soft); }
table.operations thead th:not(:first-child) { text-align: right; } table.operations th, table.operations small { white-space: nowrap; } table.operations small { display: block; } table.operations tr.all { font-weight: 600; }
@media print { .chart { break-inside: avoid; } }
`
