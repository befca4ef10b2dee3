/** What a campaign does at the moment, and what its sequences wait for: said from time to time, and of whatever takes too long. */

interface Open {
  readonly what: string;
  readonly since: number;
}

/** How often a campaign says where it is, in ms. */
const sayMs = 30_000;
const toldMax = 3;

export class Watch {
  /** In a few words. */
  phase = 'starting';
  private readonly open = new Map<object, Open>();

  /** @param who the run that waits; what it waited for before is over. Undefined: it waits for nothing. */
  waits(who: object, what: string | undefined): void {
    if (what === undefined) this.open.delete(who);
    else this.open.set(who, { what, since: performance.now() });
  }

  /** One line: the phase, and what has been waited for longest. */
  line(now = performance.now()): string {
    const longest = [...this.open.values()].sort((a, b) => a.since - b.since);
    const told = longest.slice(0, toldMax).map(({ what, since }) => `${((now - since) / 1000).toFixed(1)} s for ${what.slice(0, 160)}`);
    return [this.phase, ...(told.length === 0 ? [] : [`${longest.length} runs wait, the longest ${told.join('; ')}`])].join(': ');
  }

  /** Tells the line every half a minute until the answer is called. */
  every(tell: (text: string) => void): () => void {
    const begun = performance.now();
    const timer = setInterval(() => tell(`after ${((performance.now() - begun) / 1000).toFixed(0)} s: ${this.line()}`), sayMs);
    return () => clearInterval(timer);
  }
}
