/** Receipts that are truncated, made up, of another queue, or too old: whatever the answer, a message that nobody acknowledged comes again. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, notCode, present } from '../../expect.js';
import type { StoredMessage } from '../../wire/record.js';
import { ackOf, changeOf, comesAgain, fill, popUntil, receipt, setUp, type Popped } from './support.js';

const invisibleMs = 2000;

/** A topic and a group of the case's own, and the only message of the topic, popped by the group. */
async function popOne(t: Context, forMs = invisibleMs): Promise<{ readonly topic: string; readonly group: string; readonly popped: Popped; readonly message: StoredMessage }> {
  const { topic, group } = await setUp(t);
  await fill(t, topic, ['one']);
  const popped = await t.pop(topic, group, { invisibleMs: forMs });
  return { topic, group, popped, message: present(popped.messages[0], 'message') };
}

export const cases = defineCases('pop', [
  {
    name: 'pop.forged.truncated',
    requirement: 'ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME with a receipt that ends before its broker name are refused, and the message is delivered again.',
    level: 'MUST',
    source: 'ExtraInfoUtil#getBrokerName',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group, popped, message } = await popOne(t);
      const parts = receipt(t, popped, message).split(' ');
      for (let count = 0; count < 5; count++) {
        const extraInfo = parts.slice(0, count).join(' ');
        notCode(await ackOf(t, group, popped, message, { extraInfo }), res.SUCCESS, `ack with ${count} parts of the receipt`);
        notCode(await changeOf(t, group, popped, message, 60_000, { extraInfo }), res.SUCCESS, `change with ${count} parts of the receipt`);
      }
      await comesAgain(t, topic, group, ['one']);
    },
  },
  {
    name: 'pop.forged.other-pop-time',
    requirement: 'ACK_MESSAGE with the receipt of a pop that never was is SUCCESS and acknowledges nothing.',
    level: 'MUST',
    source: 'AckMessageProcessor#appendAck',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group, popped, message } = await popOne(t);
      const [start, popTime, ...rest] = receipt(t, popped, message).split(' ');
      code(await ackOf(t, group, popped, message, { extraInfo: [start, Number(popTime) - 777, ...rest].join(' ') }), res.SUCCESS, 'ack');
      await comesAgain(t, topic, group, ['one']);
    },
  },
  {
    name: 'pop.forged.receipt-of-another-queue',
    requirement: 'The receipt of a message in one queue does not acknowledge the message of another.',
    level: 'MUST',
    source: 'AckMessageProcessor#appendAck',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const { topic, group } = await setUp(t, 2);
      await fill(t, topic, ['zero'], 0);
      await fill(t, topic, ['one'], 1);
      const zero = await t.pop(topic, group, { queueId: 0, invisibleMs: 60_000 });
      await t.sleep(20);
      const one = await t.pop(topic, group, { queueId: 1, invisibleMs });
      const message = present(one.messages[0], 'message of queue 1');
      await ackOf(t, group, one, message, { extraInfo: receipt(t, zero, present(zero.messages[0], 'message of queue 0')) });
      await comesAgain(t, topic, group, ['one']);
    },
  },
  {
    name: 'pop.forged.receipt-of-another-group',
    requirement: 'The acknowledgement of one group does not acknowledge the message for another.',
    level: 'MUST',
    source: 'AckMessageProcessor#appendAck',
    needs: ['pop'],
    timeoutMs: 30_000,
    async run(t) {
      const other = await t.group({ suffix: 'other' });
      const { topic, group, popped, message } = await popOne(t);
      await ackOf(t, other, popped, message);
      await comesAgain(t, topic, group, ['one']);
    },
  },
  {
    name: 'pop.forged.expired',
    requirement: 'ACK_MESSAGE with a receipt whose message was delivered again meanwhile is SUCCESS, and does not acknowledge the second delivery.',
    level: 'MUST',
    source: 'AckMessageProcessor#appendAck',
    needs: ['pop'],
    timeoutMs: 60_000,
    async run(t) {
      const { topic, group, popped, message } = await popOne(t, 1000);
      const again = await popUntil(t, topic, group, { invisibleMs }, 20_000);
      equal(again.messages.length, 1, 'messages of the second delivery');
      code(await ackOf(t, group, popped, message), res.SUCCESS, 'ack with the first receipt');
      await comesAgain(t, topic, group, ['one']);
    },
  },
]);
