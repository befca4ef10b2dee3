import { describe, expect, it } from '@jest/globals';
import { req } from '../codes.js';
import { cases } from '../cases/fields/generated.js';
import { answers } from './answers.js';
import { rows } from './requests.js';
import { allVariants, variantsOf } from './variants.js';

describe('the table', () => {
  it('has a request once, and only requests that exist', () => {
    const names = rows.map((row) => row.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => req[name] === undefined)).toEqual([]);
  });

  it('has nothing that changes what is not the case\'s own', () => {
    const harmful = ['UPDATE_BROKER_CONFIG', 'UPDATE_NAMESRV_CONFIG', 'REGISTER_BROKER', 'CLEAN_EXPIRED_CONSUMEQUEUE', 'CLEAN_UNUSED_TOPIC', 'DELETE_EXPIRED_COMMITLOG', 'POP_ROLLBACK', 'SWITCH_TIMER_ENGINE', 'SET_COMMITLOG_READ_MODE'];
    expect(rows.filter((row) => harmful.includes(row.name))).toEqual([]);
  });

  it('has Apache\'s answer to each form, and no answer to anything else', () => {
    const forms = allVariants().map((variant) => variant.name).sort();
    expect(new Set(forms).size).toBe(forms.length);
    expect(Object.keys(answers).sort()).toEqual(forms);
    expect(cases.map((one) => one.name).sort()).toEqual(forms);
  });

  it('has no names, addresses or line numbers of the run that learnt the answers', () => {
    const remarks = Object.values(answers).flatMap((one) => (one.remark === undefined ? [] : [one.remark]));
    expect(remarks.filter((remark) => /conform_|\d{1,3}(?:\.\d{1,3}){3}|\.java:|[a-z]Exception|\d{5}/.test(remark))).toEqual([]);
  });
});

describe('the forms of a row', () => {
  it('leave out, spoil and exceed each field in turn, and leave the others right', () => {
    const row = rows.find((one) => one.name === 'SEARCH_OFFSET_BY_TIMESTAMP');
    const right = { topic: '$topic', queueId: '0', timestamp: '0', boundaryType: 'lower' };
    const { topic: _topic, ...noTopic } = right;
    const { queueId: _queueId, ...noQueue } = right;
    const { timestamp: _timestamp, ...noTime } = right;
    const forms = row === undefined ? [] : variantsOf(row);
    expect(Object.fromEntries(forms.map((form) => [form.name.split('.')[2], form.binary ? 'binary' : form.ext]))).toEqual({
      'topic-missing': noTopic, 'queue-id-missing': noQueue, 'queue-id-text': { ...right, queueId: 'ten' }, 'queue-id-too-large': { ...right, queueId: '2147483648' },
      'timestamp-missing': noTime, 'timestamp-text': { ...right, timestamp: 'ten' }, 'boundary-type-unknown-word': { ...right, boundaryType: 'middle' },
      'no-header-fields': null, 'unknown-field': { ...right, zzConformUnknown: 'x' }, 'binary-header': 'binary',
    });
    expect(forms.find((form) => form.name.endsWith('queue-id-too-large'))?.what).toBe('SEARCH_OFFSET_BY_TIMESTAMP(29) with a queueId of one more than an int holds');
  });

  it('spoil a JSON body, and leave the right form of what differs from run to run out', () => {
    const names = (name: string): (string | undefined)[] => rows.filter((row) => row.name === name).flatMap((row) => variantsOf(row).map((form) => form.name.split('.')[2]));
    expect(names('LOCK_BATCH_MQ')).toEqual(['no-body', 'body-garbage', 'body-array', 'binary-header']);
    expect(names('SEND_REPLY_MESSAGE_V2')).toEqual(['no-header-fields', 'no-body']);
    expect(names('GET_BROKER_RUNTIME_INFO')).toEqual(['binary-header']);
  });
});
