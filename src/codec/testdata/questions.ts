/** What programs that answer questions line by line share, as conformance/differential/Questions.java on Apache's side: texts are hexadecimal UTF-16. */
import { createInterface } from 'node:readline';

export function textOf(hex: string): string {
  return Buffer.from(hex, 'hex').swap16().toString('utf16le');
}

export function hexOf(plain: string): string {
  return Buffer.from(plain, 'utf16le').swap16().toString('hex');
}

/** Answers each line of stdin, when the program was started to (`answer`). */
export function answerAll(answer: (question: string) => string): void {
  if (process.argv[2] === 'answer') createInterface({ input: process.stdin }).on('line', (line) => process.stdout.write(`${answer(line)}\n`));
}
