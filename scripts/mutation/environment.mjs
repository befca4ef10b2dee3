/**
 * The test environment of a run under mutation. `MUTATION_RUN` names a directory with `plan.json`:
 *   tests   by suite, the full names of the tests that run; a suite that is not there runs whole. After the first failure nothing runs any more
 *   reach   a pattern of paths: what each test reaches of those files is written to `reached.json`
 * `at` in that directory names the test that is running, for when the process does not live to say it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { TestEnvironment } from 'jest-environment-node';

const directory = process.env.MUTATION_RUN;
const plan = JSON.parse(readFileSync(join(directory, 'plan.json'), 'utf8'));

const fullName = (test) => (test.parent === undefined || test.parent.name === 'ROOT_DESCRIBE_BLOCK' ? test.name : `${fullName(test.parent)} ${test.name}`);

/** What V8 counted since it was asked last: `[start, end)` by file, of what ran. */
class Reach {
  #session = new Session();

  constructor(pattern) {
    this.pattern = new RegExp(pattern);
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  take() {
    let scripts = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, { result } = {}) => {
      if (error === null) scripts = result;
    });
    const reached = {};
    for (const { url, functions } of scripts) {
      if (!this.pattern.test(url)) continue;
      const ranges = functions.flatMap((one) => one.ranges).map(({ startOffset, endOffset, count }) => [startOffset, endOffset, count > 0 ? 1 : 0]);
      if (ranges.some(([, , ran]) => ran === 1)) reached[url.replace(/^file:\/\//, '')] = ranges;
    }
    return reached;
  }

  end() {
    this.#session.disconnect();
  }
}

export default class Watched extends TestEnvironment {
  #suite;
  #wanted;
  #failed = false;
  #reach;
  #parts = [];

  constructor(config, context) {
    super(config, context);
    this.#suite = context.testPath;
    const names = plan.tests?.[this.#suite];
    this.#wanted = names === undefined ? undefined : new Set(names);
  }

  async setup() {
    await super.setup();
    this.#note('');
    if (plan.reach !== undefined) this.#reach = new Reach(plan.reach);
  }

  #note(test) {
    writeFileSync(join(directory, 'at'), JSON.stringify({ suite: this.#suite, test }));
  }

  handleTestEvent(event) {
    if (event.name === 'test_start') {
      if (this.#failed || (this.#wanted !== undefined && !this.#wanted.has(fullName(event.test)))) event.test.mode = 'skip';
      else this.#note(fullName(event.test));
      // Modules and hooks of the suite: they belong to all of its tests.
      if (this.#reach !== undefined) this.#parts.push({ reached: this.#reach.take() });
    } else if (event.name === 'test_done') {
      if (event.test.errors.length > 0) {
        if (!this.#failed) writeFileSync(join(directory, 'failed'), JSON.stringify({ suite: this.#suite, test: fullName(event.test) }));
        this.#failed = true;
      }
      if (this.#reach !== undefined) this.#parts.push({ test: fullName(event.test), ms: event.test.duration ?? 0, reached: this.#reach.take() });
    }
  }

  async teardown() {
    if (this.#reach !== undefined) {
      this.#parts.push({ reached: this.#reach.take() });
      this.#reach.end();
      writeFileSync(join(directory, 'reached.json'), JSON.stringify(this.#parts));
    }
    await super.teardown();
  }
}
