/**
 * The registry. It is the folders: each module `cases/<area>/*.ts` that exports `cases` (made by `defineCases`) belongs to it; other
 * modules beside them are what an area's modules share. Nothing is listed by hand, so areas can grow side by side.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RegisteredCase } from '../case.js';

/** The order of areas in reports; others follow by name. */
export const areaOrder: readonly string[] = [
  'frame', 'header', 'namesrv', 'topics', 'groups', 'send', 'batch', 'pull', 'offsets', 'rebalance', 'retry', 'delay', 'timer', 'order', 'transaction',
  'filter', 'sql92', 'bloom', 'pop', 'request-reply', 'broadcast', 'priority', 'lite', 'query', 'trace', 'admin', 'flow-control', 'grpc', 'store', 'security', 'acl', 'fields',
];

function rank(area: string): number {
  const at = areaOrder.indexOf(area);
  return at < 0 ? areaOrder.length : at;
}

/** Every case of the kit, in the order of areas and then of module names. @throws Error when two cases have one name or a module exports something else as `cases`. */
export async function allCases(): Promise<readonly RegisteredCase[]> {
  const root = new URL('./', import.meta.url);
  const areas = readdirSync(fileURLToPath(root), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  areas.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const out: RegisteredCase[] = [];
  const seen = new Map<string, string>();
  for (const area of areas) {
    const files = readdirSync(fileURLToPath(new URL(`${area}/`, root))).filter((file) => /\.[jt]s$/.test(file) && !/\.(?:test|d)\.[jt]s$/.test(file)).sort();
    for (const file of files) {
      const module = (await import(new URL(`${area}/${file}`, root).href)) as { readonly cases?: readonly RegisteredCase[] };
      for (const one of module.cases ?? []) {
        if (one.area === undefined) throw new Error(`${area}/${file}: 'cases' is not made by defineCases`);
        const other = seen.get(one.name);
        if (other !== undefined) throw new Error(`two cases are named ${one.name}: in ${other} and in ${area}/${file}`);
        seen.set(one.name, `${area}/${file}`);
        out.push(one);
      }
    }
  }
  return out;
}
