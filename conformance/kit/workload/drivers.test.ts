import { describe, expect, test } from '@jest/globals';
import type { Received, Sent } from '../../history.js';
import { lost } from './checkers/lost.js';
import { nowhere } from './checkers/nowhere.js';
import { queueOrder } from './checkers/queue-order.js';
import { SdkHistory, type SdkProgram } from './drivers.js';
import { History, readHistory, writeLine } from './history.js';

const sent: readonly Sent[] = [0, 1].map((i) => ({ key: `m${i}`, body: `body ${i}`, acknowledged: true, queueId: 0, queueOffset: i, sentAt: 1000 + i * 10 }));
const received: readonly Received[] = sent.map((one) => ({ consumer: 'c', key: one.key, body: one.body, queueId: 0, queueOffset: one.queueOffset ?? 0, reconsumeTimes: 0, at: 1100, taken: true }));

function program(answers: readonly Sent[], deliveries: readonly Received[]): SdkProgram {
  return { sdk: 'go', send: () => Promise.resolve([...answers]), command: () => Promise.resolve([]), received: () => [...deliveries] };
}

async function told(answers: readonly Sent[], deliveries: readonly Received[], mode: 'sync' | 'async' | 'oneway' = 'sync'): Promise<History> {
  const sdk = new SdkHistory(program(answers, deliveries));
  await sdk.subscribe({ as: 'c', group: 'G', topic: 'T' });
  await sdk.send('T', mode, []);
  return new History(readHistory(sdk.history().map(writeLine).join('\n')));
}

describe('SdkHistory', () => {
  test('what a program reports is a history that the checkers judge', async () => {
    const history = await told(sent, received);
    expect([lost(), nowhere(), queueOrder()].map((checker) => checker.check(history)).map((one) => [one.verdict, one.figures['judged']])).toEqual([['pass', 2], ['pass', 2], ['pass', 2]]);
  });

  test('a lost message and one from nowhere are found', async () => {
    const history = await told(sent, received.slice(1).concat({ ...(received[0] as Received), key: 'other' }));
    expect([lost(), nowhere()].flatMap((checker) => checker.check(history).anomalies.map((one) => one.name))).toEqual(['lost', 'never-sent']);
  });

  test('order is claimed of sends that waited for each other, and of no others', async () => {
    const swapped = sent.map((one) => ({ ...one, queueOffset: 1 - (one.queueOffset ?? 0) }));
    expect(queueOrder().check(await told(swapped, [], 'sync')).anomalies.map((one) => one.name)).toEqual(['sent-out-of-order']);
    expect(queueOrder().check(await told(swapped, [], 'async')).anomalies).toEqual([]);
  });

  test('a one-way message is owed to nobody', async () => {
    expect(lost().check(await told(sent.map((one) => ({ ...one, acknowledged: false })), [], 'oneway')).verdict).toBe('unknown');
  });

  test('what was not taken is no ack', async () => {
    expect(lost().check(await told(sent, received.map((one) => ({ ...one, taken: false })))).anomalies.map((one) => one.name)).toEqual(['never-taken', 'never-taken']);
  });
});
