/** CHECK_TRANSACTION_STATE: asks one live producer of a half's group what became of it (`AbstractTransactionalMessageCheckListener#sendCheckMessage`). */
import { propertyNames } from '../../codec/properties.js';
import { encodeHeader } from '../../codec/header.js';
import { requests } from '../../codec/requests.js';
import { encodeMessage } from '../../codec/stored-message.js';
import type { ClientChannel, BrokerContext } from '../broker/types.js';
import { transHalfTopic } from '../broker/topic-names.js';
import type { Half } from './half-message.js';
import type { Stored } from './put.js';

export class CheckSender {
  readonly #ctx: BrokerContext;
  /** The offset message id of a position. */
  readonly #msgId: (phyOffset: number) => string;
  #turn = 0;
  /** Checks sent, and those for which no producer was there. */
  sent = 0;
  unheard = 0;

  constructor(ctx: BrokerContext, msgId: (phyOffset: number) => string) {
    this.#ctx = ctx;
    this.#msgId = msgId;
  }

  /** The group's producers in turn, the open ones only (`ProducerManager#getAvailableChannel`). */
  #producer(group: string): ClientChannel | undefined {
    const channels = [...(this.#ctx.producers.get(group)?.values() ?? [])].filter((client) => client.connection.open);
    this.#turn = (this.#turn + 1) % 0x4000_0000;
    return channels[this.#turn % Math.max(1, channels.length)];
  }

  /**
   * @param half as it was read, `properties` as it was stored again
   * @param at where it was stored again: the producer's answer names this place
   */
  send(half: Half, properties: Map<string, string>, at: Stored): void {
    const { config, log } = this.#ctx;
    const group = properties.get(propertyNames.PRODUCER_GROUP) ?? '';
    const client = this.#producer(group);
    if (client === undefined || half.real === undefined) {
      this.unheard++;
      log.warn({ group, topic: half.real?.topic, queueOffset: at.queueOffset }, 'nobody to ask about a half message');
      return;
    }
    const uniqKey = properties.get(propertyNames.UNIQ_KEY);
    const ext = encodeHeader('CHECK_TRANSACTION_STATE', {
      topic: transHalfTopic,
      tranStateTableOffset: BigInt(at.queueOffset),
      commitLogOffset: BigInt(at.phyOffset),
      msgId: uniqKey,
      transactionId: uniqKey,
      offsetMsgId: this.#msgId(at.phyOffset),
      bname: config.brokerName,
    });
    const body = encodeMessage({ ...half, properties, topic: half.real.topic, queueId: half.real.queueId, queueOffset: at.queueOffset, phyOffset: at.phyOffset });
    if (client.connection.notify({ code: requests.CHECK_TRANSACTION_STATE.code, ext, body })) this.sent++;
    else this.unheard++;
  }
}
