/** An SVG badge: how many of the judged cases that are required passed. */
import { levels } from '../case.js';
import { escapeMarkup } from './markup.js';
import { passedOf } from './side-by-side.js';
import type { RunReport } from './types.js';

/** Widths of Verdana 11 in pixels, near enough; `textLength` makes other fonts fit. */
function textWidth(text: string): number {
  return Math.ceil([...text].reduce((sum, char) => sum + (/[iljI.,:;|!' ]/.test(char) ? 4.2 : /[mwMW@%]/.test(char) ? 10.2 : /[A-Z+]/.test(char) ? 7.9 : 6.8), 0));
}

/**
 * `RocketMQ conformance | 512/512 MUST`; with `--level SHOULD` both levels are counted and named. Green when all passed, amber when
 * only known failures did not, red otherwise, grey when nothing was judged.
 */
export function renderBadge(report: RunReport): string {
  const required: readonly string[] = levels.slice(0, Math.min(2, levels.indexOf(report.options.level ?? 'MUST')) + 1);
  const cases = report.cases.filter((one) => required.includes(one.level));
  const { passed, judged } = passedOf(cases);
  const known = cases.filter((one) => one.verdict === 'known-failure').length;
  const color = judged === 0 ? '#5f6b7a' : passed === judged ? '#1f7a3d' : passed + known === judged ? '#9a6700' : '#b3261e';
  const left = 'RocketMQ conformance';
  const right = judged === 0 ? 'nothing judged' : `${passed}/${judged} ${required.join('+')}`;
  const [leftWidth, rightWidth] = [textWidth(left), textWidth(right)];
  const split = leftWidth + 14;
  const width = split + rightWidth + 14;
  const title = escapeMarkup(`${left} of ${report.endpoint.name}: ${right}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" viewBox="0 0 ${width} 20" role="img" aria-label="${title}"><title>${title}</title>`
    + `<clipPath id="round"><rect width="${width}" height="20" rx="3"/></clipPath>`
    + `<g clip-path="url(#round)"><rect width="${split}" height="20" fill="#3d444d"/><rect x="${split}" width="${width - split}" height="20" fill="${color}"/></g>`
    + `<g fill="#fff" font-family="Verdana,'DejaVu Sans',Geneva,sans-serif" font-size="11"><text x="7" y="14" textLength="${leftWidth}">${left}</text><text x="${split + 7}" y="14" textLength="${rightWidth}">${right}</text></g></svg>\n`;
}
