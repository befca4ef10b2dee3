/** The verifiable consumer by POP: asks the broker for messages of any queue, acknowledges each by its receipt, records all of it. */
import { setTimeout as pause } from 'node:timers/promises';
import { ackOf } from '../cases/pop/support.js';
import { res, responseName } from '../codes.js';
import type { Context } from '../context.js';
import { valueOf, type ConsumerOptions } from './consumer.js';
import { textOf } from './producer.js';
import { preciseNow, type Recorder } from './recorder.js';
import { takes } from './take.js';

const pollMs = 400;

export class PopConsumer {
  readonly options: ConsumerOptions;
  private readonly t: Context;
  private readonly recorder: Recorder;
  private over = false;
  private loop: Promise<void> = Promise.resolve();

  constructor(t: Context, recorder: Recorder, options: ConsumerOptions) {
    this.t = t;
    this.recorder = recorder;
    this.options = options;
  }

  start(): Promise<void> {
    const { name, group, topic, expression } = this.options;
    this.recorder.event(name, 'join', { group, topic, mode: 'pop', expression: expression ?? '*' });
    this.loop = this.consume();
    this.loop.catch(() => undefined); // `stop` tells
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.over = true;
    await this.loop;
    this.recorder.event(this.options.name, 'leave', { group: this.options.group });
  }

  private async consume(): Promise<void> {
    const { name, topic, group, expression, invisibleMs, take, failOnce } = this.options;
    const hiddenMs = invisibleMs ?? 30_000;
    while (!this.over) {
      const invoked = preciseNow();
      try {
        const connection = await this.t.connect('broker', { label: name });
        while (!this.over) {
          const asked = preciseNow();
          const popped = await this.t.via(connection).pop(topic, group, { max: 8, invisibleMs: hiddenMs, pollMs, ext: { exp: expression ?? '*' } });
          if (popped.code !== 0) {
            if (popped.code !== res.POLLING_TIMEOUT && popped.code !== res.PULL_NOT_FOUND) this.recorder.call(name, 'pop', { topic }, asked).fail({ error: responseName(popped.code) });
            if (preciseNow() - asked < 20) await pause(20);
            continue;
          }
          this.recorder.call(name, 'pop', { topic, invisibleMs: hiddenMs }, asked).ok({ count: popped.messages.length });
          for (const message of popped.messages) {
            const value = valueOf(message);
            this.recorder.event(name, 'receive', { ...value, invisibleMs: hiddenMs });
            if (!(take?.(value, message.reconsumeTimes) ?? takes(failOnce, value))) continue;
            const call = this.recorder.call(name, 'ack', { ...(value.key === undefined ? {} : { key: value.key }), topic, queueId: message.queueId, queueOffset: message.queueOffset });
            try {
              const answer = await ackOf(this.t, group, popped, message);
              call[answer.code === 0 ? 'ok' : 'fail'](answer.code === 0 ? {} : { error: responseName(answer.code) });
            } catch (error) {
              call.info({ error: textOf(error) });
            }
          }
        }
        connection.close();
      } catch (error) {
        this.recorder.call(name, 'pop', { topic }, invoked).info({ error: textOf(error) });
        await pause(100);
      }
    }
  }
}
