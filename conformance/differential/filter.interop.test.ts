/**
 * Skylark's filters against Apache's own Java classes, on written questions and on generated ones: expressions by the grammar, words in any order, properties
 * with every odd number. FILTER_SEED and FILTER_COUNT choose others.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { missingForJava } from '../adapters/apache/install.js';
import { bloomQuestions, extensionQuestions, generatedQuestions, shownQuestion, writtenQuestions } from './filter/questions.js';
import { Oracle } from './oracle.js';

const missing = missingForJava();
const seed = Number(process.env['FILTER_SEED'] ?? Date.now() % 2_147_483_647);
const count = Number(process.env['FILTER_COUNT'] ?? 20_000);

/** Apache names a place only for a word that does not belong there; behind a plus it names the plus, because it looks ahead from there. */
function differs(question: string, apache: string, skylark: string): boolean {
  if (apache === skylark) return false;
  const bothRefuse = apache.startsWith('refused') && skylark.startsWith('refused');
  return !bothRefuse || (apache !== 'refused' && !shownQuestion(question).includes('+'));
}

(missing.length > 0 ? describe.skip : describe)(`filters beside Apache's${missing.length > 0 ? ` (needs ${missing.join(', ')})` : ''}`, () => {
  let apache: Oracle;
  let skylark: Oracle;
  beforeAll(async () => {
    apache = await Oracle.apache('filter/FilterOracle.java');
    skylark = Oracle.skylark('server/filter/testdata/filter-answers.js');
  });
  afterAll(async () => {
    await apache.close();
    await skylark.close();
  });

  const sameAnswers = async (questions: readonly string[]): Promise<string[]> => {
    const [theirs, ours] = await Promise.all([apache.ask(questions), skylark.ask(questions)]);
    const wrong = questions.flatMap((question, i) => (differs(question, theirs[i] ?? '', ours[i] ?? '') ? [`${shownQuestion(question)}: Apache ${theirs[i]}, Skylark ${ours[i]}`] : []));
    expect(wrong.slice(0, 20)).toEqual([]);
    return theirs;
  };

  test('written expressions with every value', async () => {
    const theirs = await sameAnswers(writtenQuestions());
    // All verdicts occur: the questions ask something.
    for (const verdict of ['true', 'false', 'null', 'threw', 'refused', 'ok']) expect(theirs.some((one) => one.startsWith(verdict))).toBe(true);
  });

  test(`generated expressions, seed ${seed}`, async () => {
    await sameAnswers(generatedQuestions(seed, count));
  });

  test('bits of Bloom filters and their texts', async () => {
    await sameAnswers(bloomQuestions());
  });

  test('files of consume queue extensions, byte for byte', async () => {
    await sameAnswers(extensionQuestions());
  });
});
