/** Two programs that answer the same questions line by line: Apache's own classes in a JVM, and Skylark's build. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { installApache, jvmOpens, jvmQuick } from '../adapters/apache/install.js';
import { Child, projectRoot, run } from '../process.js';

/** How long the answers to one list of questions may take; a JVM starts first. */
const answersTimeoutMs = 120_000;

export class Oracle {
  private readonly child: Child;

  private readonly home: string | undefined;

  private constructor(child: Child, home?: string) {
    this.child = child;
    this.home = home;
  }

  /** A Java program below this folder, compiled with Questions.java, with Apache's classes. Throws Missing without Java or Maven. */
  static async apache(program: string): Promise<Oracle> {
    const classpath = await installApache();
    const home = mkdtempSync(join(tmpdir(), 'oracle-'));
    try {
      const sources = ['Questions.java', program].map((file) => join(projectRoot, 'conformance/differential', file));
      await run(`javac for ${program}`, 'javac', ['-nowarn', '-d', home, '-cp', classpath, ...sources]);
    } catch (error) {
      rmSync(home, { recursive: true, force: true });
      throw error;
    }
    return new Oracle(new Child(program, 'java', [
      `-Duser.home=${home}`, `-Djava.io.tmpdir=${home}`,
      ...jvmQuick, '-Xmx256m', ...jvmOpens, '-cp', `${home}:${classpath}`, basename(program, '.java'),
    ]), home);
  }

  /** A program of the build, by its path below `dist/src`. */
  static skylark(program: string): Oracle {
    const path = join(projectRoot, 'dist/src', program);
    if (!existsSync(path)) throw new Error(`${path} is not built: npm run build`);
    return new Oracle(new Child(program, process.execPath, [path, 'answer']));
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
