/**
 * What becomes of a row of `requests.ts`: the same request in its wrong forms, each with a name that depends on nothing but the row.
 * How Apache answers each form is `answers.ts`, learnt by `learn.ts`.
 */
import { req, requestName } from '../codes.js';
import type { Feature } from '../features.js';
import { rows, type FieldSpec, type Row } from './requests.js';

export interface Variant {
  /** Name of the case: `fields.get-max-offset.topic-missing`. */
  readonly name: string;
  readonly row: Row;
  /** What is asked, as the beginning of the requirement's sentence. */
  readonly what: string;
  readonly needs: readonly Feature[];
  /** Header fields, still with `$name`; null is a header without extFields. */
  readonly ext: Readonly<Record<string, string>> | null;
  /** undefined is no body; still with `$name`. */
  readonly body: string | undefined;
  readonly binary: boolean;
}

const kebab = (text: string): string => text.replaceAll('_', '-').replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();

const wrongText = { i32: 'ten', i64: 'ten', bool: 'maybe', enum: 'middle', str: '' } as const satisfies Record<FieldSpec['type'], string>;
const tooLarge = { i32: '2147483648', i64: '9223372036854775808' } as const;

/** All forms of all rows, whether Apache's answer to them is known or not. */
export function allVariants(): readonly Variant[] {
  return rows.flatMap(variantsOf);
}

/** The forms of one row. */
export function variantsOf(row: Row): readonly Variant[] {
  const good = Object.fromEntries(row.fields.map((field) => [field.name, field.value]));
  const title = requestName(req[row.name]);
  const firstNumber = row.fields.find((field) => field.required && (field.type === 'i32' || field.type === 'i64'));
  const out: Variant[] = [];
  const add = (name: string, what: string, part: Partial<Pick<Variant, 'ext' | 'body' | 'binary' | 'needs'>>): void => {
    out.push({ name: `fields.${kebab(row.name)}.${name}`, row, what, needs: row.needs, ext: good, body: row.body, binary: false, ...part });
  };
  for (const field of row.few ? [] : row.fields) {
    const { [field.name]: _gone, ...rest } = good;
    const name = kebab(field.name);
    if (field.required) add(`${name}-missing`, `${title} without ${field.name}`, { ext: rest });
    if (field.type === 'i32' || field.type === 'i64') {
      if (field.required) add(`${name}-text`, `${title} with text for the number ${field.name}`, { ext: { ...rest, [field.name]: wrongText[field.type] } });
      if (field === firstNumber) add(`${name}-too-large`, `${title} with a ${field.name} of one more than ${field.type === 'i32' ? 'an int' : 'a long'} holds`, { ext: { ...rest, [field.name]: tooLarge[field.type] } });
    } else if (field.type !== 'str') {
      add(`${name}-unknown-word`, `${title} with an unknown word for ${field.name}`, { ext: { ...rest, [field.name]: wrongText[field.type] } });
    }
  }
  if (row.fields.length > 1) add('no-header-fields', `${title} without any header field`, { ext: null });
  if (row.body !== undefined) add('no-body', `${title} without its body`, { body: undefined });
  if (row.json) {
    add('body-garbage', `${title} with a body that is no JSON`, { body: '\u0000\u0001{not json' });
    add('body-array', `${title} with a JSON array for the object in its body`, { body: '[1,2]' });
  }
  if (!row.onlyWrong) {
    if (row.fields.length > 0) add('unknown-field', `${title} with a header field that no one knows`, { ext: { ...good, zzConformUnknown: 'x' } });
    // a code of more than 16 bits does not fit the binary header
    if (req[row.name] < 0x8000) add('binary-header', `${title} in the binary serialization`, { binary: true, needs: [...row.needs, 'binary-header'] });
  }
  return out;
}
