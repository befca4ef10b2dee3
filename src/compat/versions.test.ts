import { expect, test } from '@jest/globals';
import { languageCode, languageName, versionName, versionOrdinal, versions } from './versions.js';

test('each named ordinal is where the list has it', () => {
  for (const [name, ordinal] of Object.entries(versions)) expect([name, versionName(ordinal)]).toEqual([name, name]);
});
test('spot checks of the list', () => {
  // Ordinals of MQVersion 5.5.0.
  for (const [name, ordinal] of [['V3_0_0_SNAPSHOT', 0], ['V3_0_6_SNAPSHOT', 26], ['V3_1_0_SNAPSHOT', 46], ['V4_1_0', 233], ['V4_9_3', 399], ['V5_5_0', 513]] as const) {
    expect(versionOrdinal(name)).toBe(ordinal);
  }
  expect(versionName(5000)).toBe('HIGHER_VERSION');
  expect(versionName(-1)).toBeUndefined();
  expect(versionOrdinal('V9')).toBeUndefined();
});
test('languages', () => {
  expect([languageName(0), languageName(12), languageName(13), languageName(14), languageName(-1)]).toEqual(['JAVA', 'RUST', 'NODE_JS', undefined, undefined]);
  expect([languageCode('GO'), languageCode('go')]).toEqual([9, undefined]);
});
