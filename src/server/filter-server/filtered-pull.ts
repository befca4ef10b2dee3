/**
 * PULL_MESSAGE of a consumer at the filter server: the same pull goes to the broker, and of what it brings the filter's choice goes back
 * (`DefaultRequestProcessor#pullMessageForward`). Offsets are the broker's, so a consumer moves on over what did not match. Records go back as they are.
 */
import { Fault } from '../../codec/errors.js';
import type { Command } from '../../codec/command.js';
import { requests, type HeaderOf } from '../../codec/requests.js';
import { responseCodes, type ResponseCode } from '../../codec/responses.js';
import { decodeMessages, inflateMessage, splitRecords, type DecodedMessage } from '../../codec/stored-message.js';
import { hasPullFlag, pullSysFlag } from '../../codec/sys-flag.js';
import { exceptionText } from '../../remoting/dispatch.js';
import type { Clock, Handler, Log, OutgoingRequest, Reply } from '../../remoting/types.js';
import type { FilterServerConfig } from '../config-types.js';
import type { FilterClasses } from './filter-classes.js';

/** A pull may wait at the broker 1 s less than a pull consumer's, and its answer may come 1 s earlier (`FiltersrvController#initialize`). */
const suspendMsMax = 19_000;
const pullTimeoutMs = 29_000;
/** Messages one pull may ask for (`DefaultMQPushConsumer#pullBatchSize` is at most 1024). */
const messagesMax = 1024;
/** Bytes of a decompressed body that a filter is shown. */
const bodyBytesMax = 16 * 1024 * 1024;
/** Bytes of answers that are being judged; beyond it consumers are asked to come later. */
const judgedBytesMax = 128 * 1024 * 1024;

export interface FilteredPullOptions {
  readonly config: FilterServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly classes: FilterClasses;
  /** Asks the broker. */
  readonly call: (request: OutgoingRequest, timeoutMs: number) => Promise<Command>;
}

/** What passed since the start. */
export interface PullCounts {
  pulls: number;
  judged: number;
  matched: number;
  faults: number;
  busy: number;
}

interface Header {
  readonly suggestWhichBrokerId: bigint;
  readonly nextBeginOffset: bigint;
  readonly minOffset: bigint;
  readonly maxOffset: bigint;
}

type PullHeader = HeaderOf<'PULL_MESSAGE'>;
type PullReply = Reply<'PULL_MESSAGE'>;

const int64Text = /^-?\d{1,19}$/;

/** The offsets of the broker's answer. `suggestWhichBrokerId` is the master's, as in Apache: filter servers belong to one broker. */
function headerOf(answer: Command): Header {
  const field = (name: string): bigint => {
    const text = answer.ext.get(name);
    if (text === undefined || !int64Text.test(text)) throw new Fault(`the broker's answer has no ${name}`);
    return BigInt(text);
  };
  return { suggestWhichBrokerId: 0n, nextBeginOffset: field('nextBeginOffset'), minOffset: field('minOffset'), maxOffset: field('maxOffset') };
}

/** The pull as the broker gets it: all messages, and the consumer's own group, so that what the broker decides by group it decides here too. */
function forwarded(header: PullHeader): OutgoingRequest {
  const suspend = header.suspendTimeoutMillis > BigInt(suspendMsMax) ? suspendMsMax : Math.max(0, Number(header.suspendTimeoutMillis));
  const kept = header.sysFlag & (pullSysFlag.COMMIT_OFFSET | pullSysFlag.SUSPEND);
  return {
    code: requests.PULL_MESSAGE.code,
    ext: {
      consumerGroup: header.consumerGroup, topic: header.topic, queueId: String(header.queueId), queueOffset: String(header.queueOffset),
      maxMsgNums: String(Math.max(1, Math.min(header.maxMsgNums, messagesMax))), sysFlag: String(kept | pullSysFlag.SUBSCRIPTION),
      commitOffset: String(hasPullFlag(header.sysFlag, pullSysFlag.COMMIT_OFFSET) ? header.commitOffset : 0n), suspendTimeoutMillis: String(suspend),
      subscription: '*', subVersion: String(header.subVersion), expressionType: 'TAG',
    },
  };
}

export class FilteredPull {
  readonly counts: PullCounts = { pulls: 0, judged: 0, matched: 0, faults: 0, busy: 0 };
  readonly #options: FilteredPullOptions;
  #atWork = 0;
  #judgedBytes = 0;

  constructor(options: FilteredPullOptions) {
    this.#options = options;
  }

  /** Answers when the broker did: waiting pulls hold no lane. */
  readonly handler: Handler<'PULL_MESSAGE'> = (ctx, header) => {
    const { classes, config, log } = this.#options;
    const found = classes.find(header.consumerGroup, header.topic);
    if (found === undefined) return { code: responseCodes.SYSTEM_ERROR, remark: 'Find Filter class failed, not registered' };
    if (this.#atWork >= config.fsServerAsyncSemaphoreValue || this.#judgedBytes > judgedBytesMax) {
      this.counts.busy++;
      return { code: responseCodes.SYSTEM_BUSY, remark: `the filter server has ${this.#atWork} pulls at work, come later` };
    }
    this.#atWork++;
    this.counts.pulls++;
    this.#pull(header).then(
      (reply) => ctx.reply(reply),
      (error: unknown) => {
        this.counts.faults++;
        log.debug({ group: header.consumerGroup, topic: header.topic, error: exceptionText(error) }, 'a pull failed');
        ctx.reply({ code: responseCodes.SYSTEM_ERROR, remark: `Pull Callback Exception, ${exceptionText(error)}` });
      },
    ).finally(() => this.#atWork--);
    return undefined;
  };

  async #pull(header: PullHeader): Promise<PullReply> {
    const answer = await this.#options.call(forwarded(header), pullTimeoutMs);
    switch (answer.code) {
      case responseCodes.SUCCESS:
        this.#judgedBytes += answer.body.length;
        try {
          return await this.#choose(header, headerOf(answer), answer.body);
        } finally {
          this.#judgedBytes -= answer.body.length;
        }
      case responseCodes.PULL_NOT_FOUND:
      case responseCodes.PULL_RETRY_IMMEDIATELY:
      case responseCodes.PULL_OFFSET_MOVED:
        return { code: answer.code, header: headerOf(answer) };
      default:
        // What the broker refuses it refuses in its own words: consumers know them.
        return { code: answer.code as ResponseCode, remark: answer.remark };
    }
  }

  /** The filter's choice of the broker's records, which lie in `body` one after the other. */
  async #choose(header: PullHeader, offsets: Header, body: Buffer): Promise<PullReply> {
    const { consumerGroup, topic } = header;
    const { messages, fault } = decodeMessages(body);
    if (fault !== undefined) throw new Fault(`the broker's answer holds records that cannot be read: ${fault.reason}`);
    const shown = await Promise.all(messages.map(inflated));
    // Asked again: another class may serve by now, or none.
    const found = this.#options.classes.find(consumerGroup, topic);
    if (found === undefined) return { code: responseCodes.SYSTEM_ERROR, remark: 'Find Filter class failed, not registered' };
    const judgement = await found.filter.judge(consumerGroup, shown);
    if ('fault' in judgement) {
      this.counts.faults++;
      return { code: responseCodes.SYSTEM_ERROR, remark: `do Message Filter Exception, ConsumerGroup: ${consumerGroup} Topic: ${topic} ${judgement.fault}` };
    }
    const { verdicts } = judgement;
    this.counts.judged += verdicts.length;
    const last = messages[verdicts.length - 1];
    const next = verdicts.length < messages.length && last !== undefined ? BigInt(last.queueOffset) + 1n : offsets.nextBeginOffset;
    const chosen = splitRecords(body).spans.filter((_span, index) => verdicts[index] === true).map(([start, end]) => body.subarray(start, end));
    this.counts.matched += chosen.length;
    const answered = { ...offsets, nextBeginOffset: next };
    return chosen.length === 0 ? { code: responseCodes.PULL_RETRY_IMMEDIATELY, header: answered } : { code: responseCodes.SUCCESS, header: answered, body: chosen };
  }
}

/** As a consumer sees it. Throws for a body that cannot be decompressed. */
async function inflated(message: DecodedMessage): Promise<DecodedMessage> {
  const result = await inflateMessage(message, bodyBytesMax);
  if (!result.ok) throw new Fault(`the body at queue offset ${message.queueOffset} cannot be decompressed: ${result.reason}`);
  return { ...message, ...result.message };
}
