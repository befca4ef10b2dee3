/** A whole broker on a disk in memory, popped from: records of answers as messages, time that passes with everything it brings. */
import type { DecodedMessage } from '../../../codec/stored-message.js';
import { decodeMessages } from '../../../codec/stored-message.js';
import { ManualClock } from '../../../remoting/clocks.js';
import type { SimulatedDisk } from '../../../store/simulated-disk.js';
import { Composed, settle } from '../../broker/testdata/composed.js';
import type { Answer, Ask } from '../../broker/testdata/composed.js';
import type { RequestName } from '../../../codec/requests.js';

export interface Popped {
  readonly code: number;
  readonly remark: string | undefined;
  readonly header: Readonly<Record<string, unknown>>;
  readonly messages: readonly DecodedMessage[];
  readonly bodies: readonly string[];
}

export interface PopAsk {
  readonly queueId?: number;
  readonly max?: number;
  readonly invisibleMs?: number;
  readonly pollMs?: number;
  readonly ext?: Readonly<Record<string, string>>;
}

/** Lets `ms` pass, a quarter of a second at a time. */
export async function pass(c: Composed, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    c.clock.advance(Math.min(250, left));
    await settle(c, 12);
  }
}

export class Popping {
  readonly c: Composed;

  constructor(c: Composed) {
    this.c = c;
  }

  static async open(settings: Readonly<Record<string, string>> = {}, disk?: SimulatedDisk, startMs?: number): Promise<Popping> {
    const c = await Composed.open({ brokerName: 'broker-a', ...settings }, disk, { clock: new ManualClock(startMs), limits: { timerWheelSlots: 4096 } });
    const kit = new Popping(c);
    const started = c.broker.start();
    await settle(c);
    await started;
    return kit;
  }

  async topic(topic: string, queues = 1): Promise<void> {
    await this.ask('UPDATE_AND_CREATE_TOPIC', {
      ext: { topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false' },
    });
  }

  /** An answer, waited for with turns but no time. */
  async ask(name: RequestName, ask: Ask = {}): Promise<Answer> {
    const pending = this.c.ask(name, ask);
    let done = false;
    void pending.finally(() => { done = true; });
    for (let i = 0; i < 400 && !done; i++) await settle(this.c, 1);
    if (!done) throw new Error(`${name} was not answered`);
    return pending;
  }

  async send(topic: string, bodies: readonly string[], queueId = 0, properties = ''): Promise<void> {
    for (const body of bodies) {
      await this.ask('SEND_MESSAGE', {
        ext: { producerGroup: 'p', topic, defaultTopic: 'TBW102', defaultTopicQueueNums: '4', queueId: String(queueId), sysFlag: '0', bornTimestamp: '1700000000000', flag: '0', properties, reconsumeTimes: '0' },
        body,
      });
    }
  }

  popExt(topic: string, group: string, { queueId = -1, max = 32, invisibleMs = 60_000, pollMs = 0, ext = {} }: PopAsk = {}): Record<string, string> {
    return {
      consumerGroup: group, topic, queueId: String(queueId), maxMsgNums: String(max), invisibleTime: String(invisibleMs), pollTime: String(pollMs),
      bornTime: String(this.c.clock.nowMs()), initMode: '0', ...ext,
    };
  }

  /** Not waited for: for pops that wait. */
  async popping(topic: string, group: string, ask: PopAsk = {}): Promise<Popped> {
    return popped(await this.c.ask('POP_MESSAGE', { ext: this.popExt(topic, group, ask) }));
  }

  async pop(topic: string, group: string, ask: PopAsk = {}): Promise<Popped> {
    return popped(await this.ask('POP_MESSAGE', { ext: this.popExt(topic, group, ask) }));
  }

  /** The receipt of a popped message, as clients make it. */
  receipt(answer: Popped, message: DecodedMessage): string {
    const given = message.properties.get('POP_CK');
    if (given !== undefined) return given;
    const starts = new Map(String(answer.header['startOffsetInfo']).split(';').map((part) => {
      const [kind = '', queueId = '', offset = ''] = part.split(' ');
      return [`${kind} ${queueId}`, offset];
    }));
    const { popTime, invisibleTime, reviveQid } = answer.header;
    return `${starts.get(`0 ${message.queueId}`) ?? ''} ${String(popTime)} ${String(invisibleTime)} ${String(reviveQid)} 0 broker-a ${message.queueId} ${message.queueOffset}`;
  }

  ackExt(group: string, answer: Popped, message: DecodedMessage): Record<string, string> {
    const extraInfo = this.receipt(answer, message);
    const kind = extraInfo.split(' ')[4];
    const topic = kind === '1' ? `%RETRY%${group}_${message.topic}` : kind === '2' ? `%RETRY%${group}+${message.topic}` : message.topic;
    return { consumerGroup: group, topic, queueId: String(message.queueId), offset: String(message.queueOffset), extraInfo };
  }

  ack(group: string, answer: Popped, message: DecodedMessage, ext: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.ask('ACK_MESSAGE', { ext: { ...this.ackExt(group, answer, message), ...ext } });
  }

  change(group: string, answer: Popped, message: DecodedMessage, invisibleMs: number): Promise<Answer> {
    return this.ask('CHANGE_MESSAGE_INVISIBLETIME', { ext: { ...this.ackExt(group, answer, message), invisibleTime: String(invisibleMs) } });
  }

  stop(): Promise<void> {
    return this.c.stop();
  }

  /** Ends this broker as `how` says and opens another on the same disk; its clock goes on where this one's stood. */
  async restart(how: 'stop' | 'kill', settings: Readonly<Record<string, string>> = {}): Promise<Popping> {
    const { disk, clock } = this.c;
    if (how === 'stop') await this.stop();
    else {
      disk.crash();
      disk.restart('kill');
    }
    return Popping.open(settings, disk, clock.nowMs());
  }
}

export function popped(answer: Answer): Popped {
  const { messages } = decodeMessages(answer.bytes ?? Buffer.alloc(0));
  return { code: answer.code, remark: answer.remark, header: answer.header, messages, bodies: messages.map((message) => message.body.toString()) };
}
