/** The documentation's table of who was caught: made by a run, and stale as soon as the catalogue is another. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { projectRoot } from '../../process.js';
import { allCases } from '../cases/index.js';
import { sabotages } from './catalogue/index.js';
import { cell, tableHead } from './table.js';

const file = 'conformance/kit/saboteur/caught.md';
const again = `make ${file} anew: npm run matrix -- self-check`;

interface Row {
  readonly name: string;
  readonly does: string;
  readonly breaks: string;
  readonly caughtBy: string;
}

let text = '';
let rows: readonly Row[] = [];

beforeAll(() => {
  text = readFileSync(join(projectRoot, file), 'utf8');
  rows = text.split('\n').filter((line) => line.startsWith('| `')).map((line) => {
    const [name = '', does = '', breaks = '', caughtBy = ''] = line.slice(2, -2).split(' | ');
    return { name: name.replaceAll('`', ''), does, breaks, caughtBy };
  });
});

describe('the table of what caught which sabotage', () => {
  it('has every sabotage of the catalogue, in its order and its words, and no other', () => {
    expect(text).toContain(tableHead);
    const difference = {
      'only in the table': rows.map((one) => one.name).filter((name) => !sabotages.some((one) => one.name === name)),
      'only in the catalogue': sabotages.map((one) => one.name).filter((name) => !rows.some((one) => one.name === name)),
    };
    expect({ again, ...difference }).toEqual({ again, 'only in the table': [], 'only in the catalogue': [] });
    expect(rows.map(({ name, does, breaks }) => ({ name, does, breaks }))).toEqual(sabotages.map(({ name, does, breaks }) => ({ name, does: cell(does), breaks: cell(breaks) })));
  });

  it('shows the honest proxy of Apache acquitted and every sabotage convicted', () => {
    expect(rows.filter((one) => !one.caughtBy.startsWith('`')).map((one) => `${one.name}: ${one.caughtBy}`)).toEqual([]);
    expect(text).toContain(`apache 5.5.0: honest proxy acquitted; of ${rows.length} sabotages ${rows.length} convicted, 0 escaped, 0 not applicable`);
  });

  it('names cases that there are', async () => {
    const names = new Set((await allCases()).map((one) => one.name));
    const named = rows.flatMap((one) => [...one.caughtBy.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
    expect(named.length).toBeGreaterThanOrEqual(60);
    expect({ again, gone: named.filter((name) => !names.has(name) && name !== 'discovery') }).toEqual({ again, gone: [] });
  });
});
