/** How the page looks: on a screen, light or dark, narrow or wide, and on paper. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #1d2126; --soft: #5c6570; --line: #dedcd5; --shade: #f1efe9; --link: #1b5e9b;
  --passed: #1c7a48; --failed: #b3261e; --crashed: #7b1fa2; --hung: #9a5b00; --inapplicable: #68727d; --skipped: #8a939c;
  --critical: #b3261e; --major: #a8480b; --minor: #7a6200; --note: #52606d; --emulated: #9a6a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1b1f25; --ink: #e6e8ea; --soft: #9aa4ae; --line: #323841; --shade: #22272e; --link: #7cb7ee;
  --passed: #5fc58c; --failed: #ff8a80; --crashed: #d69be8; --hung: #f0b35b; --inapplicable: #99a3ad; --skipped: #7d8790;
  --critical: #ff8a80; --major: #f5a26b; --minor: #d9c25a; --note: #a4b0bb; --emulated: #e8bd5c; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 3.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; overflow-wrap: anywhere; }
code, .trace { font-family: ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, monospace; font-size: .875em; }
main, body > header, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.5rem; }
a { color: var(--link); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; z-index: 3; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
small { color: var(--soft); font-size: .85rem; }
h1 { font-size: clamp(1.8rem, 5vw, 2.7rem); line-height: 1.15; margin: 0 0 1.2rem; letter-spacing: -.02em; }
h2 { font-size: 1.45rem; margin: 3.2rem 0 1rem; letter-spacing: -.01em; } h2 a { color: inherit; text-decoration: none; } h2 a:hover { text-decoration: underline; }
h3 { font-size: 1.05rem; margin: 2rem 0 .6rem; } h4 { font-size: 1.05rem; margin: .5rem 0 .1rem; }
.kind { margin: 3rem 0 .2rem; color: var(--soft); text-transform: uppercase; letter-spacing: .12em; font-size: .8rem; font-weight: 600; }
.lead { color: var(--soft); max-width: 46rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 0 2rem; margin: 0; border-top: 1px solid var(--line); }
.facts .wide { grid-column: 1 / -1; } .facts div { display: grid; grid-template-columns: 9rem 1fr; gap: 1rem; padding: .4rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); font-size: .9rem; } dd { margin: 0; min-width: 0; } .hash { font-size: .75em; }
.flag { background: var(--shade); border-radius: 4px; padding: .1em .4em; font-size: .74em; white-space: nowrap; }
nav { position: sticky; top: 0; z-index: 2; background: var(--paper); border-bottom: 1px solid var(--line); margin-top: 2rem; }
nav ul { max-width: 70rem; margin: 0 auto; padding: .55rem 1.5rem; list-style: none; display: flex; gap: 1.4rem; overflow-x: auto; white-space: nowrap; }
nav a { text-decoration: none; font-size: .92rem; } nav a:hover { text-decoration: underline; }
.judgement { --tone: var(--passed); display: flex; gap: 1.2rem; border: 1px solid var(--tone); border-left-width: .5rem; border-radius: 10px; background: color-mix(in srgb, var(--tone) 7%, var(--card)); padding: 1.2rem 1.5rem; }
.judgement.unfit { --tone: var(--failed); } .judgement.fit-with-emulation { --tone: var(--emulated); } .judgement.undecided { --tone: var(--inapplicable); }
.judgement .sign { font-size: 2.2rem; line-height: 1.1; color: var(--tone); } .judgement p { font-size: 1.3rem; font-weight: 650; margin: 0 0 .4rem; line-height: 1.3; } .judgement ul { margin: 0; padding-left: 1.1rem; }
.bar { display: flex; gap: 2px; height: .7rem; border-radius: 99px; overflow: hidden; margin: 1.6rem 0 1rem; } .bar span { min-width: 3px; flex-basis: 0; background: var(--tone); }
.passed { --tone: var(--passed); } .failed { --tone: var(--failed); } .crashed { --tone: var(--crashed); } .hung { --tone: var(--hung); } .inapplicable { --tone: var(--inapplicable); } .skipped { --tone: var(--skipped); }
.severity.critical, .card.critical { --tone: var(--critical); } .severity.major, .card.major { --tone: var(--major); } .severity.minor, .card.minor { --tone: var(--minor); } .severity.note, .card.note { --tone: var(--note); }
.tally, .severities, .legend { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem; }
.tally { grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); }
.tally li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .7rem .9rem; line-height: 1.3; } .tally b { display: block; font-size: 1.8rem; line-height: 1.15; color: var(--tone, inherit); font-variant-numeric: tabular-nums; } .tally small { display: block; margin-top: .2rem; font-size: .78rem; } .tally .none { opacity: .55; }
.severities, .legend { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; margin-top: 1.2rem; }
.badge { --ink: var(--tone); display: inline-block; white-space: nowrap; border-radius: 99px; padding: .05rem .6rem; font-size: .8rem; font-weight: 600; color: var(--tone); background: color-mix(in srgb, var(--tone) 13%, transparent); }
.badge.severity { background: none; border: 1px solid currentColor; font-weight: 500; }
.card { background: var(--card); border: 1px solid var(--line); border-left: .35rem solid var(--tone); border-radius: 10px; padding: 1rem 1.3rem; margin: .9rem 0; }
.card > header { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; } .card > header .id { margin-left: auto; color: var(--soft); }
.clause { color: var(--soft); font-size: .88rem; margin: 0; }
.found { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: .6rem; margin: .8rem 0; } .found div { background: var(--shade); border-radius: 8px; padding: .5rem .8rem; } .found dd { font-weight: 500; } .found .observed dd { color: var(--failed); }
summary { cursor: pointer; } .kin { margin: 0 0 1.4rem 1.3rem; } details { margin: .5rem 0; }
.trace { background: var(--shade); border-radius: 8px; padding: .7rem .8rem .7rem 2.8rem; margin: .5rem 0; font-size: .78rem; line-height: 1.7; } .trace .rv { color: var(--soft); float: right; padding-left: 1rem; } .trace .not .rv { color: var(--failed); font-weight: 600; } .trace li { clear: both; } .trace li::marker { color: var(--soft); }
.reproduce { display: flex; gap: .6rem; align-items: start; margin-top: .7rem; } .reproduce code { flex: 1; min-width: 0; background: var(--shade); border-radius: 8px; padding: .4rem .8rem; }
button, input[type=search] { font: inherit; font-size: .9rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .35rem .8rem; } button { cursor: pointer; }
button:hover { background: var(--shade); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; } caption { text-align: left; color: var(--soft); font-size: .85rem; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-bottom: 1px solid var(--line); } thead th { color: var(--soft); font-weight: 600; font-size: .8rem; vertical-align: bottom; } tbody th { font-weight: 500; } td p { margin: 0; } .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
table.matrix { width: auto; } .matrix thead th { font-size: .7rem; min-width: 5.6rem; max-width: 8rem; line-height: 1.25; overflow-wrap: normal; } .matrix th code { white-space: nowrap; } .matrix tbody th, .matrix thead th:first-child { position: sticky; left: 0; background: var(--paper); } .matrix td { white-space: nowrap; border-left: 2px solid var(--paper); } .matrix .word { font-size: .8rem; }
.matrix .native, .legend .native span { color: var(--passed); } .matrix .emulated, .legend .emulated span { color: var(--emulated); } .matrix .impossible, .legend .impossible span { color: var(--failed); }
.matrix td.native { background: color-mix(in srgb, var(--passed) 10%, transparent); } .matrix td.emulated { background: color-mix(in srgb, var(--emulated) 13%, transparent); } .matrix td.impossible { background: color-mix(in srgb, var(--failed) 8%, transparent); }
.notes { font-size: .85rem; color: var(--soft); margin: .5rem 0; padding-left: 1.4rem; columns: 22rem; } sup { font-size: .7em; line-height: 0; margin-left: .15em; }
.plots { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.3rem; } .plots h3 { margin: .9rem 0 .1rem; font-size: .9rem; }
.row { display: grid; grid-template-columns: 13rem 1fr 6rem; gap: .8rem; align-items: center; font-size: .85rem; line-height: 1.3; } .row svg { display: block; overflow: visible; } .row .rate { text-align: right; font-variant-numeric: tabular-nums; }
.axis { position: sticky; top: 2.7rem; background: var(--card); z-index: 1; } svg text { fill: var(--soft); font-size: .75rem; } svg rect { fill: var(--link); opacity: .8; } svg .grid { stroke: var(--line); } svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
#filter { display: flex; flex-wrap: wrap; gap: .8rem 1.2rem; align-items: center; margin-bottom: 1rem; } #filter[hidden] { display: none; } #filter input[type=search] { flex: 1 1 18rem; } fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem .8rem; } legend { position: absolute; clip-path: inset(50%); } #filter output { color: var(--soft); font-size: .9rem; min-width: 6rem; } #filter label { display: flex; gap: .25rem; align-items: center; }
.area { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: .5rem 0; } .area > summary { padding: .6rem 1rem; } .area .counts { float: right; display: flex; gap: .9rem; font-size: .88rem; font-variant-numeric: tabular-nums; } .count { color: var(--tone); white-space: nowrap; } .checks tr:last-child td { border-bottom: 0; } .checks td:first-child { width: 9rem; } .checks td:last-child { text-align: right; } .checks small { font-size: .8rem; }
tr:is([data-verdict=passed], [data-verdict=inapplicable], [data-verdict=skipped]) .severity { --tone: var(--soft); border-color: var(--line); }
.uncaptioned caption { position: absolute; clip-path: inset(50%); }
.same { color: var(--passed); } .different { border: 1px solid var(--hung); border-left-width: .5rem; border-radius: 10px; padding: .3rem 1.2rem .8rem; background: color-mix(in srgb, var(--hung) 7%, var(--card)); } .change { white-space: nowrap; }
footer { color: var(--soft); font-size: .85rem; margin-top: 4rem; padding-bottom: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
@media (max-width: 40rem) { .scroll table { min-width: 34rem; } .scroll table.matrix { min-width: 0; } .scroll th { overflow-wrap: normal; } body { font-size: 15px; } main, body > header, footer, nav ul { padding-left: 1rem; padding-right: 1rem; } .facts div { grid-template-columns: 1fr; gap: 0; } .judgement { padding: 1rem; gap: .8rem; } .judgement p { font-size: 1.15rem; } .tally { grid-template-columns: repeat(3, 1fr); } .tally small { display: none; } .tally li { padding: .5rem .6rem; } .tally b { font-size: 1.4rem; } .card { padding: .8rem .9rem; } .card > header .id { margin-left: 0; width: 100%; } .reproduce { flex-wrap: wrap; } .reproduce code { flex-basis: 100%; }
  .row { grid-template-columns: 1fr auto; gap: 0 .6rem; margin-bottom: .3rem; } .row svg { grid-column: 1 / -1; grid-row: 2; } .checks, .checks tbody, .checks tr, .checks td { display: block; } .checks td { border: 0; padding: .1rem 1rem; } .checks td:first-child { width: auto; padding-top: .6rem; } .checks td:last-child { text-align: left; padding-bottom: .6rem; } .checks tr { border-bottom: 1px solid var(--line); } .checks tr[hidden] { display: none; } .trace .rv { float: none; display: block; padding: 0; } .area .counts { float: none; margin-top: .2rem; flex-wrap: wrap; } }
@media print { :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --shade: #f3f3f3; --link: #1b5e9b; --passed: #1c7a48; --failed: #b3261e; --crashed: #7b1fa2; --hung: #9a5b00; --inapplicable: #555; --skipped: #777; --critical: #b3261e; --major: #a8480b; --minor: #7a6200; --note: #444; --emulated: #9a6a00; }
  * { print-color-adjust: exact; } body { font-size: 10pt; } main, body > header, footer { max-width: none; padding: 0; } nav, #filter, button, .skip { display: none !important; } .card, .row, tr, .judgement { break-inside: avoid; } h2, h3 { break-after: avoid; } .axis { position: static; } .scroll { overflow: visible; } a { color: inherit; text-decoration: none; } details::details-content { content-visibility: visible; display: block; height: auto; } }
`
