/**
 * Which parts of the product ran, by V8's precise block coverage through this thread's own inspector. A place is a block and the magnitude of
 * its count, so that a loop that runs ten times oftener is news too.
 */
import { Session } from 'node:inspector';

interface CoverageRange { readonly startOffset: number; readonly endOffset: number; readonly count: number }
interface ScriptCoverage { readonly url: string; readonly functions: readonly { readonly ranges: readonly CoverageRange[] }[] }

/** Of our own files, what is a subject: the product, and the sabotaged subjects of the canaries. */
const subject = /\/dist\/(src\/(?!.*testdata)|fuzz\/canaries)/;

export class Coverage {
  private readonly session = new Session();
  private readonly seen = new Set<string>();
  private readonly blocks = new Set<string>();

  constructor() {
    this.session.connect();
    this.post('Profiler.enable');
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Blocks that ever ran. */
  get size(): number {
    return this.blocks.size;
  }

  /** Counts what ran since the last call; true when a place was new. With `keep` false nothing is remembered; `magnitudes` false = blocks only. */
  take(keep: boolean, magnitudes = true): boolean {
    const { result } = this.post('Profiler.takePreciseCoverage') as { readonly result: readonly ScriptCoverage[] };
    let news = false;
    for (const script of result) {
      if (!subject.test(script.url)) continue;
      const file = script.url.slice(script.url.indexOf('/dist/') + 6);
      for (const { ranges } of script.functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count === 0) continue;
          const block = `${file}:${startOffset}-${endOffset}`;
          const place = magnitudes ? `${block}*${count < 4 ? count : 3 + Math.floor(Math.log2(count) / 2)}` : block;
          if ((magnitudes ? this.seen : this.blocks).has(place)) continue;
          news = true;
          if (!keep) return true;
          this.seen.add(place);
          this.blocks.add(block);
        }
      }
    }
    return news;
  }

  /** Forgets what ran since the last call: the engine's own or an opening's. */
  skip(): void {
    this.post('Profiler.takePreciseCoverage');
  }

  close(): void {
    this.session.disconnect();
  }

  private post(method: string, params: object = {}): unknown {
    let answer: unknown;
    let failure: Error | null = null;
    // The inspector of the own thread answers before `post` returns.
    this.session.post(method, params, (error, result) => {
      failure = error;
      answer = result;
    });
    if (failure !== null) throw failure as Error;
    return answer;
  }
}
