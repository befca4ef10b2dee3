/** A fault that passes by itself and may show again and again until it does: said when it begins and when it has ended, not each time in between. */
import type { StoreLog } from './options.js';

export class PassingFault {
  readonly #log: StoreLog;
  readonly #began: string;
  readonly #ended: string;
  #code: string | undefined;

  constructor(log: StoreLog, began: string, ended: string) {
    this.#log = log;
    this.#began = began;
    this.#ended = ended;
  }

  /** It did not work, with the code of the disk error; a code other than the last one is news. */
  failed(code: string): void {
    if (code !== this.#code) this.#log.warn({ code }, this.#began);
    this.#code = code;
  }

  /** It worked. */
  worked(): void {
    if (this.#code !== undefined) this.#log.info({}, this.#ended);
    this.#code = undefined;
  }
}
