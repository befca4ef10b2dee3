/** The style of the page: system fonts, light and dark, wide screens and phones. Kept in one element whose hash the policy names. */
export const pageStyle = `
:root{color-scheme:light dark;--bg:#fff;--soft:#f5f6f8;--line:#dfe3e8;--text:#1b1f24;--quiet:#586069;--link:#0b57d0;--pass:#1a7f37;--pass-bg:#e3f5e7;--fail:#b3261e;--fail-bg:#fde7e5;--error:#8a1c7c;--error-bg:#fae6f7;--known:#8a5a00;--known-bg:#fff1d6;--na:#57606a;--na-bg:#eceff2;--hl:#ffe08a;--hl-text:#1b1f24}
@media(prefers-color-scheme:dark){:root{--bg:#111418;--soft:#1a1f25;--line:#2f363f;--text:#e6e9ed;--quiet:#9aa4af;--link:#8ab4f8;--pass:#5bd27b;--pass-bg:#12301c;--fail:#ff8a80;--fail-bg:#3d1715;--error:#f19be4;--error-bg:#3a1535;--known:#f0c060;--known-bg:#362806;--na:#a5afba;--na-bg:#262c33;--hl:#7a5c00;--hl-text:#fff}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{scroll-padding-top:3.5rem}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;-webkit-text-size-adjust:100%}
header,main,footer{max-width:1280px;margin:0 auto;padding:0 20px}
h1{font-size:1.6rem;margin:1.2rem 0 .8rem}
h2,h3,h4{margin:0}
p{margin:0}
b,i{font-style:normal}
button,input,select{font:inherit;color:inherit}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
.quiet{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:-999px}
.skip:focus{left:8px;top:8px;background:var(--bg);padding:6px 10px;z-index:9}
.runs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:14px}
.run{border:1px solid var(--line);border-radius:8px;padding:12px 16px;background:var(--soft);min-width:0;overflow-wrap:anywhere}
.run h2{font-size:1.15rem}
.outcome{font-weight:600;margin:.2rem 0 .5rem;display:flex;flex-wrap:wrap;gap:0 .5em}
.when span{white-space:nowrap}
.outcome .must{color:var(--text);font-variant-numeric:tabular-nums}
.good{color:var(--pass)}.bad{color:var(--fail)}.mixed{color:var(--known)}.none{color:var(--na)}
.bar{display:block;width:100%;height:8px;border-radius:4px}
.bar .pass{fill:var(--pass)}.bar .fail{fill:var(--fail)}.bar .error{fill:var(--error)}.bar .known-failure{fill:var(--known)}.bar .not-applicable,.bar .skipped{fill:var(--na);opacity:.35}
.totals{list-style:none;display:flex;flex-wrap:wrap;gap:0 1em;padding:0;margin:.45rem 0 .3rem;font-variant-numeric:tabular-nums}
.totals .pass{color:var(--pass)}.totals .fail{color:var(--fail)}.totals .error{color:var(--error)}.totals .known-failure{color:var(--known)}.totals .not-applicable,.totals .skipped{color:var(--na)}
.when{color:var(--quiet);font-size:.9em}
summary{cursor:pointer;color:var(--link);width:fit-content;padding:2px 0}
.run details{margin-top:.2rem;font-size:.9em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 12px;margin:.4rem 0 0}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
#filters{margin:18px 0 0}
.line{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;margin-bottom:10px}
.search{flex:1 1 260px}
input[type=search],select,button{border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:5px 9px;min-height:34px}
input[type=search]{width:100%}
button{cursor:pointer;background:var(--soft)}
button:hover{border-color:var(--quiet)}
fieldset{border:0;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:6px;align-items:center;min-width:0}
legend{float:left;color:var(--quiet);margin-right:4px;padding:0}
.more>summary{display:none}
.chip{display:inline-flex;align-items:center;gap:5px;border:1px solid var(--line);border-radius:16px;padding:2px 10px 2px 8px;min-height:30px;cursor:pointer}
.chip:has(:checked){border-color:var(--link);background:var(--soft);box-shadow:inset 0 0 0 1px var(--link)}
.chip input{margin:0}
.chip small,.fold small{color:var(--quiet);font-variant-numeric:tabular-nums;font-weight:400}
label.chip .mark{background:none;padding:0}
.shown{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:center;gap:6px;color:var(--quiet);margin:4px 0 8px}
.tools{display:flex;gap:8px}
.tools button{min-height:30px;padding:2px 10px;color:var(--text)}
table{border-collapse:collapse;width:100%}
#matrix>thead th{position:sticky;top:0;background:var(--bg);text-align:left;padding:8px 6px;box-shadow:inset 0 -2px 0 var(--line);z-index:2;font-size:.9em}
#matrix .verdict{width:132px;text-align:center;overflow-wrap:anywhere}
#matrix td.level,#matrix th.level{width:104px;font-size:.82em;color:var(--quiet);text-align:left}
.area th,.area td{background:var(--soft);border-top:1px solid var(--line);padding:0 6px;text-align:left;vertical-align:middle}
.area th{padding-left:0}
.fold{border:0;background:none;font-weight:650;width:100%;text-align:left;padding:7px 8px;min-height:38px;border-radius:0}
.arrow{display:inline-block;width:0;height:0;border:5px solid transparent;border-left:6px solid var(--quiet);margin-right:4px}
.fold[aria-expanded=true] .arrow{transform:rotate(90deg) translate(2px,2px)}
.sum{font-variant-numeric:tabular-nums;font-weight:600}
.case>th,.case>td{border-top:1px solid var(--line);padding:6px;vertical-align:top;text-align:left;font-weight:400}
.case{cursor:pointer}
.case:hover>th,.case:hover>td{background:var(--soft)}
.case>th{padding-left:8px}
.open{border:0;background:none;padding:0;min-height:0;color:var(--link);font:600 .93em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;text-align:left;overflow-wrap:anywhere}
.case p{font-size:.93em;overflow-wrap:anywhere}
.case .source{color:var(--quiet);font-size:.82em}
.source span:not(.lv)+span:before{content:"\\00b7";margin:0 5px}
.lv{display:none}
.mark{display:inline-flex;align-items:center;gap:5px;border-radius:5px;padding:1px 8px;white-space:nowrap;font-size:.88em}
.mark b{min-width:.8em;text-align:center}
.mark.pass{color:var(--pass);background:var(--pass-bg)}
.mark.fail{color:var(--fail);background:var(--fail-bg);font-weight:600}
.mark.error{color:var(--error);background:var(--error-bg);font-weight:600}
.mark.known-failure{color:var(--known);background:var(--known-bg)}
.mark.not-applicable,.mark.skipped,.mark.absent{color:var(--na);background:var(--na-bg)}
.detail>td{padding:4px 8px 18px 14px;box-shadow:inset 3px 0 0 var(--link);max-width:0}
.judged{border:1px solid var(--line);border-radius:8px;margin-top:10px;padding:10px 14px;overflow-wrap:anywhere}
.judged>header{padding:0;margin:0;display:flex;flex-wrap:wrap;gap:4px 10px;align-items:center;max-width:none}
.judged h3{font-size:1rem}
.judged .ms{color:var(--quiet);font-size:.9em}
.story{margin:.5rem 0 0}
.kind{color:var(--quiet)}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:10px;margin:.5rem 0 0}
.sides h4{font-size:.85em;color:var(--quiet);font-weight:600}
pre{margin:.2rem 0 0;padding:8px 10px;background:var(--soft);border:1px solid var(--line);border-radius:6px;font:.82em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere;max-height:24rem;overflow:auto}
mark{background:var(--hl);color:var(--hl-text);border-radius:2px}
.notes{margin:.4rem 0 0;padding-left:1.2em}
.judged details{margin-top:.5rem}
.wire{margin-top:.4rem;border-top:1px solid var(--line);font-size:.85em}
.entry{display:grid;grid-template-columns:62px 22px minmax(60px,max-content) 1fr auto;gap:2px 8px;padding:3px 0;border-bottom:1px solid var(--line);align-items:baseline}
.entry .t{color:var(--quiet);text-align:right;font-variant-numeric:tabular-nums}
.entry .dir{text-align:center;font-weight:700}
.entry.sent .dir{color:var(--link)}.entry.received .dir{color:var(--pass)}
.entry .con{color:var(--quiet)}
.entry code{font:inherit;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
.entry strong{font-weight:650}
.entry.event code{color:var(--quiet);font-style:italic}
.entry button{min-height:26px;padding:0 8px;font-size:.95em;white-space:nowrap}
.entry pre{grid-column:1/-1;white-space:pre;overflow-x:auto}
.wire-tools{display:flex;gap:8px;margin-top:.4rem}
.wire-tools button{min-height:28px;padding:1px 10px;font-size:.9em}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px;margin-top:.4rem;background:var(--bg)}
.ops{font-size:.85em;margin-top:.4rem}
.ops th,.ops td{text-align:left;padding:2px 8px;border-bottom:1px solid var(--line);vertical-align:top}
.ops .n{text-align:right;font-variant-numeric:tabular-nums}
.ops .odd td{background:var(--fail-bg)}
.anomalies{margin:.4rem 0 0;padding-left:1.4em;color:var(--fail)}
.timeline{display:block;font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.timeline text{fill:var(--text)}
.tl-lane{fill:transparent}.tl-odd{fill:var(--soft)}
.tl-grid{stroke:var(--line)}
.timeline .tl-tick,.timeline .tl-legend{fill:var(--quiet)}
.tl-op rect{stroke-width:1.2}
.tl-ok rect{fill:var(--pass-bg);stroke:var(--pass)}
.tl-fail rect{fill:var(--bg);stroke:var(--fail)}
.tl-info rect{fill:var(--known-bg);stroke:var(--known);stroke-dasharray:4 3}
.tl-anomaly rect{stroke:var(--fail);stroke-width:2.6;fill:var(--fail-bg)}
.timeline .tl-anomaly text{fill:var(--fail);font-weight:700}
footer{color:var(--quiet);font-size:.9em;padding-top:18px;padding-bottom:30px}
footer p{margin-top:6px}
kbd{border:1px solid var(--line);border-radius:4px;padding:0 5px;background:var(--soft);font:inherit}
#none{padding:24px 8px;color:var(--quiet)}
@media(max-width:720px){
header,main,footer{padding:0 10px}
h1{font-size:1.3rem}
#matrix th.level,#matrix td.level{display:none}
.lv{display:inline}.source .lv+span:before{content:"\\00b7";margin:0 5px}
#matrix .verdict{width:52px;padding-left:2px;padding-right:2px;font-size:.9em}
#matrix>thead .verdict{font-size:.7em;line-height:1.2}
#matrix .case .mark{padding:3px 9px}
#matrix .case .mark i{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.area .sum{font-size:.82em}.area .sum b{display:block}
.sides{grid-template-columns:1fr}
.entry{grid-template-columns:auto auto 1fr auto;gap:2px 8px}
.entry .t{text-align:left}
.entry code{grid-column:1/-1;order:1}
.entry pre{order:2}
.detail>td{padding:2px 2px 14px 8px}
.judged{padding:8px 10px}
.keys{display:none}
.more>summary{display:list-item;list-style-position:inside;margin-bottom:6px}
select{max-width:42vw}
.search{flex-basis:100%}
}
@media print{#filters,.tools,.skip,.keys{display:none}body{font-size:11px}#matrix>thead th{position:static}}
`;
