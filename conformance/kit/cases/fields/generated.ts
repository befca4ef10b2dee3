/**
 * Each request of `table/requests.ts` in its wrong forms: a field missing, malformed or out of range, a body missing or garbage, a field
 * nobody knows, the binary serialization. What is expected is what Apache 5.5.0 answered (`table/answers.ts`).
 */
import { defineCases, type Case } from '../../case.js';
import { req, responseName } from '../../codes.js';
import { code, equal, hasField, isTrue } from '../../expect.js';
import { answers, type LearntAnswer } from '../../table/answers.js';
import { ask } from '../../table/ask.js';
import { allVariants, type Variant } from '../../table/variants.js';

/** A request whose answer says whether the connection still serves. */
const alive = { broker: req.GET_ALL_PRODUCER_INFO, namesrv: req.GET_BROKER_CLUSTER_INFO } as const;

function requirementOf(variant: Variant, expected: LearntAnswer): string {
  const remark = expected.remark === undefined ? '' : ` and the remark \`${expected.remark.replaceAll('\n', ' ')}\``;
  return `${variant.what} is answered ${responseName(expected.code)}${remark}, and the connection goes on.`;
}

/** Right forms and refusals in words are required; where Apache stumbles over a null or passes over a mistake, the code is advised. */
function levelOf(variant: Variant, expected: LearntAnswer): Case['level'] {
  const right = variant.binary || (variant.ext !== null && 'zzConformUnknown' in variant.ext);
  return right || expected.remark !== undefined ? 'MUST' : 'SHOULD';
}

function caseOf(variant: Variant, expected: LearntAnswer): Case {
  return {
    name: variant.name,
    requirement: requirementOf(variant, expected),
    level: levelOf(variant, expected),
    source: `Apache 5.5.0${expected.exception === undefined ? '' : `, ${expected.exception}`}`,
    ...(expected.from === undefined ? {} : { versions: { from: expected.from } }),
    needs: variant.needs,
    origin: 'generated',
    async run(t) {
      const { connection, answer, plain } = await ask(t, variant);
      code(answer, expected.code, 'the answer');
      if (expected.remark !== undefined) equal(plain.remark, expected.remark, 'its remark, without names and numbers');
      if (expected.exception !== undefined) isTrue((answer.remark ?? '') !== '', 'the refusal says why');
      if (expected.code === 0) {
        for (const name of expected.ext) hasField(answer, name);
        equal(plain.body, expected.body, 'the answer has a body');
      }
      equal((await connection.request(alive[variant.row.to])).code, 0, 'code of the next request on the connection');
    },
  };
}

export const cases = defineCases('fields', allVariants().flatMap((variant) => {
  const expected = answers[variant.name];
  return expected === undefined ? [] : [caseOf(variant, expected)];
}));
