/**
 * Real client libraries in this history model: the programs of `conformance/sdk` are told to send and subscribe, and what they report is
 * turned into history lines for the same checkers. What a program does not tell is not made up: an answer without its time is put at
 * the end of its command, so that no order is claimed that nobody saw.
 */
import type { Received, Sent } from '../../history.js';
import type { OutgoingMessage, SdkDriver, SendMode } from '../../sdk-driver.js';
import type { HistoryLine, Value } from './history.js';
import { digest } from './producer.js';
import { preciseNow } from './recorder.js';

/** What is needed of a program: `SdkDriver` has it. */
export type SdkProgram = Pick<SdkDriver, 'sdk' | 'send' | 'command' | 'received'>;

export interface SdkSubscription {
  readonly as: string;
  readonly group: string;
  readonly topic: string;
  readonly expression?: string;
  readonly mode?: 'clustering' | 'orderly' | 'broadcasting';
}

/** Drives one program and keeps its history. */
export class SdkHistory {
  private readonly sdk: SdkProgram;
  private readonly lines: HistoryLine[] = [];
  private readonly subscriptions: SdkSubscription[] = [];
  private ids = 0;

  constructor(sdk: SdkProgram) {
    this.sdk = sdk;
  }

  /** Sends messages, as one process `<library> <mode>`. @throws Error when the program fails. */
  async send(topic: string, mode: SendMode, messages: readonly OutgoingMessage[]): Promise<readonly Sent[]> {
    const sent = await this.sdk.send(topic, mode, messages);
    this.lines.push(...linesOfSends(`${this.sdk.sdk} ${mode}`, topic, sent, { endedAt: preciseNow(), oneByOne: mode === 'sync', firstId: this.ids + 1 }));
    this.ids += sent.length;
    return sent;
  }

  /** Has a push consumer subscribe; what it receives is in `history`. */
  async subscribe(one: SdkSubscription): Promise<void> {
    const { as, group, topic, expression, mode } = one;
    this.subscriptions.push(one);
    this.event(as, 'join', { group, topic, mode: mode === undefined || mode === 'clustering' ? 'concurrent' : mode, expression: expression ?? '*' });
    await this.sdk.command('subscribe', {
      as, group, topic, expression: expression ?? '*', ...(mode === 'broadcasting' ? { model: 'broadcasting' } : {}), ...(mode === 'orderly' ? { orderly: true } : {}),
    });
  }

  async unsubscribe(as: string): Promise<void> {
    this.event(as, 'leave', {});
    await this.sdk.command('unsubscribe', { as });
  }

  /** Everything so far, with what a bystander read. */
  history(): readonly HistoryLine[] {
    const received = this.subscriptions.flatMap(({ as, topic }) => linesOfReceived(as, topic, this.sdk.received(as)));
    return [...this.lines, ...received].sort((a, b) => a.time - b.time);
  }

  private event(process: string, op: 'join' | 'leave', value: Value): void {
    this.lines.push({ process, type: 'ok', op, id: ++this.ids, time: preciseNow(), ...value });
  }
}

/** Sends as a program told them. `oneByOne`: each waited for the answer to the one before; else all answers are put at `endedAt`. */
export function linesOfSends(process: string, topic: string, sent: readonly Sent[], { endedAt, oneByOne, firstId }: { readonly endedAt: number; readonly oneByOne: boolean; readonly firstId: number }): HistoryLine[] {
  return sent.flatMap((one, i): HistoryLine[] => {
    const id = firstId + i;
    const place = { ...(one.queueId === undefined ? {} : { queueId: one.queueId }), ...(one.queueOffset === undefined ? {} : { queueOffset: one.queueOffset }), ...(one.msgId === undefined ? {} : { msgId: one.msgId }) };
    const invoke: HistoryLine = {
      process, type: 'invoke', op: 'send', id, time: one.sentAt, key: one.key, topic, body: digest(Buffer.from(one.body)),
      ...(one.tag === undefined ? {} : { tag: one.tag }), ...(one.delayMs === undefined ? {} : { delayMs: one.delayMs }),
    };
    const next = oneByOne ? sent[i + 1]?.sentAt : undefined; // the answer came just before
    // a program does not tell a refusal from a missing answer, and one-way messages have none
    return [invoke, { process, type: one.acknowledged ? 'ok' : 'info', op: 'send', id, time: Math.max(one.sentAt, next === undefined ? endedAt : next - 0.001), ...place }];
  });
}

/** Deliveries as a program told them; a message its listener took is an `ack` at the same time. */
export function linesOfReceived(process: string, topic: string, received: readonly Received[]): HistoryLine[] {
  return received.flatMap((one, i): HistoryLine[] => {
    const id = 1_000_000 + 2 * i;
    const receive: HistoryLine = {
      process, type: 'ok', op: 'receive', id, time: one.at, key: one.key, topic, body: digest(Buffer.from(one.body)), queueId: one.queueId, queueOffset: one.queueOffset,
      reconsumeTimes: one.reconsumeTimes, ...(one.tag === undefined ? {} : { tag: one.tag }),
    };
    const ack = { process, op: 'ack', id: id + 1, time: one.at, key: one.key } as const;
    return one.taken ? [receive, { ...ack, type: 'invoke' }, { ...ack, type: 'ok' }] : [receive];
  });
}
