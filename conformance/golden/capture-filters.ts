/**
 * Asks Apache's own filter classes every written question and keeps the answers: `node dist/conformance/golden/capture-filters.js` writes
 * apache-5.5.0-filters.json. Needs Java and Maven.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apacheVersion } from '../adapters/apache/install.js';
import { bloomQuestions, evaluateQuestion, extensionQuestions, hex, values, writtenExpressions, writtenTexts } from '../differential/filter/questions.js';
import { Oracle } from '../differential/oracle.js';
import { projectRoot } from '../process.js';

/** One letter for a verdict, so that hundreds of values fit a line. */
const letters: Readonly<Record<string, string>> = { true: 't', false: 'f', null: 'n', threw: 'x' };

async function main(): Promise<void> {
  const oracle = await Oracle.apache('filter/FilterOracle.java');
  try {
    const verdicts: Record<string, string> = {};
    for (const sql of writtenExpressions) {
      const asked = [evaluateQuestion(sql, {}), evaluateQuestion(sql, { b: '1' }), ...values.map((value) => evaluateQuestion(sql, { a: value }))];
      verdicts[sql] = (await oracle.ask(asked)).map((one) => letters[one.split(' ')[0] ?? ''] ?? 'r').join('');
    }
    const compiled = await oracle.ask(writtenTexts.map((text) => `compile ${hex(text)}`));
    const other = [...bloomQuestions(), ...extensionQuestions()];
    const answers = await oracle.ask(other);
    const golden = {
      provenance: `Answers of Apache RocketMQ ${apacheVersion}'s SelectorParser, expressions, BloomFilter, BitsArray and ConsumeQueueExt (Maven Central jars, Java 17), `
        + 'asked by conformance/differential/filter/FilterOracle.java. verdicts: for each expression its verdict without properties, with b=1, and with a = each of '
        + 'values; t true, f false, n null, x an exception, r refused. texts: whether a text compiles, and the place of the word that does not belong there. '
        + 'answers: question and answer in the words of FilterOracle.java.',
      values,
      verdicts,
      texts: Object.fromEntries(writtenTexts.map((text, i) => [text, compiled[i]])),
      answers: other.map((question, i) => [question, answers[i]]),
    };
    writeFileSync(join(projectRoot, 'conformance/golden/apache-5.5.0-filters.json'), `${JSON.stringify(golden, undefined, 1)}\n`);
  } finally {
    await oracle.close();
  }
}

await main();
