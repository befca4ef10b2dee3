/** Two programs that answer questions about filters line by line: Apache's own classes in a JVM, and Skylark's build. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installApache, jvmOpens, jvmQuick } from '../../adapters/apache/install.js';
import { Child, projectRoot } from '../../process.js';

/** How long the answers to one list of questions may take; a JVM compiles the program first. */
const answersTimeoutMs = 120_000;

export class FilterOracle {
  private readonly child: Child;

  private readonly home: string | undefined;

  private constructor(child: Child, home?: string) {
    this.child = child;
    this.home = home;
  }

  /** Apache's `SelectorParser`, expressions and `BloomFilter`. Throws Missing without Java or Maven. */
  static async apache(): Promise<FilterOracle> {
    const classpath = await installApache();
    const home = mkdtempSync(join(tmpdir(), 'filter-oracle-'));
    return new FilterOracle(new Child('filter oracle', 'java', [
      `-Duser.home=${home}`, `-Djava.io.tmpdir=${home}`,
      ...jvmQuick, '-Xmx256m', ...jvmOpens, '-cp', classpath, join(projectRoot, 'conformance/differential/filter/FilterOracle.java'),
    ]), home);
  }

  static skylark(): FilterOracle {
    const program = join(projectRoot, 'dist/src/server/filter/testdata/filter-answers.js');
    if (!existsSync(program)) throw new Error(`${program} is not built: npm run build`);
    return new FilterOracle(new Child('filter answers', process.execPath, [program, 'answer']));
  }

  /** One answer for each question, in order. One call at a time. */
  async ask(questions: readonly string[]): Promise<string[]> {
    const answers: string[] = [];
    if (questions.length === 0) return answers;
    let stop: () => void = () => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        new Promise<string[]>((resolve) => {
          stop = this.child.onLine((line) => {
            answers.push(line);
            if (answers.length === questions.length) resolve(answers);
          });
          for (const question of questions) this.child.writeLine(question);
        }),
        this.child.exited.then((exit) => {
          throw new Error(`${this.child.title} ended (${exit}) after ${answers.length} answers:\n${this.child.tail.join('\n')}`);
        }),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`${this.child.title} gave ${answers.length} of ${questions.length} answers in time`)), answersTimeoutMs);
        }),
      ]);
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  async close(): Promise<void> {
    await this.child.kill();
    if (this.home !== undefined) rmSync(this.home, { recursive: true, force: true });
  }
}
