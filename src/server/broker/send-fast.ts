/**
 * The hot path of SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE: from the scanned header to the store without a string or a decoded header.
 * It takes plain messages to known topics only; at anything else it answers false before any effect, and send.ts does the work. Both leave
 * the same bytes in the store and the same answer at the gate.
 */
import { resolvedProperties, type HeaderScan } from '../../codec/header-scan.js';
import { SendReplyWriter } from '../../codec/reply-writer.js';
import { messageSysFlag } from '../../codec/sys-flag.js';
import type { Connection, FastHandler, Reply } from '../../remoting/types.js';
import { topicTraits, uniqKeyBytesMax } from './put-form.js';
import type { TopicTraits } from './put-form.js';
import { isWriteable, putAnswer } from './send-checks.js';
import type { PutParts } from './put-place.js';
import { retryPrefix, topicNameFault } from './topic-names.js';
import type { Topic } from './types.js';

/** sysFlag bits of plain messages: compression and multi-tag. */
const plainSysFlags = messageSysFlag.COMPRESSED | messageSysFlag.COMPRESSION_MASK | messageSysFlag.MULTI_TAGS;

/** Largest property string of the hot path; longer ones cannot be stored and are refused by the ordinary path. */
const propertiesScratchBytes = resolvedProperties.length - uniqKeyBytesMax;

const onewayFlag = 2;

const letter = { b: 98, e: 101, f: 102, g: 103, h: 104, i: 105, j: 106, m: 109, a: 97, c: 99, d: 100, k: 107, l: 108 } as const;

/** What is known of a topic that the hot path may take; undefined traits = it may not. */
interface FastTopic {
  readonly topic: Topic;
  readonly traits: TopicTraits | undefined;
}

export function createSendFast(parts: PutParts): FastHandler {
  const { ctx, form, acks } = parts;
  const { store, topics, config } = ctx;
  const scratch = resolvedProperties;
  const writer = new SendReplyWriter();
  const traitsOf = new WeakMap<Topic, FastTopic>();
  let last: FastTopic | undefined;
  let ext: Readonly<Record<string, string>> | undefined;

  function fastTopic(topic: Topic): FastTopic {
    let known = traitsOf.get(topic);
    if (known === undefined) {
      const traits = topicTraits(topic);
      const plain = !traits.compaction && !topic.mapped && !topic.name.startsWith(retryPrefix) && topicNameFault(topic.name) === undefined &&
        !topics.isSendForbidden(topic.name) && topic.nameBytes.length <= 127;
      known = { topic, traits: plain ? traits : undefined };
      traitsOf.set(topic, known);
    }
    return (last = known);
  }

  /** -1 when a required member is missing or unreadable. */
  function queueOf(scan: HeaderScan, traits: TopicTraits): number {
    const member = scan.byLetter[letter.e] as number;
    if (member < 0) return -1;
    const asked = scan.int32(member);
    if (asked >= 0) return asked < traits.queueIdsEnd ? asked : -1;
    // NaN fails this comparison too.
    return asked < 0 && traits.writeQueues > 0 ? Math.min(traits.writeQueues - 1, Math.floor(ctx.random() * traits.writeQueues)) : -1;
  }

  /** Members the full reader would refuse when they are missing or no number. */
  function readable(scan: HeaderScan): boolean {
    const { byLetter } = scan;
    if ((byLetter[letter.a] as number) < 0 || (byLetter[letter.c] as number) < 0) return false;
    const d = byLetter[letter.d] as number;
    if (d < 0 || Number.isNaN(scan.int32(d))) return false;
    const l = byLetter[letter.l] as number;
    return l < 0 || !Number.isNaN(scan.int32(l));
  }

  return (connection: Connection, scan: HeaderScan, frame: Buffer, bodyStart: number, bodyEnd: number): boolean => {
    const byLetter = scan.byLetter;
    const b = byLetter[letter.b] as number;
    if (b < 0 || scan.escaped[b] === 1 || bodyEnd <= bodyStart) return false;
    const topic = topics.getByBytes(scan.bytes, scan.valueStart[b] as number, scan.valueEnd[b] as number);
    if (topic === undefined) return false;
    const { traits } = last !== undefined && last.topic === topic ? last : fastTopic(topic);
    if (traits === undefined) return false;
    if (!isWriteable(config.brokerPermission) || (config.startAcceptSendRequestTimeStamp > 0 && ctx.clock.nowMs() < config.startAcceptSendRequestTimeStamp)) {
      return false;
    }
    const f = byLetter[letter.f] as number;
    const g = byLetter[letter.g] as number;
    const h = byLetter[letter.h] as number;
    if (f < 0 || g < 0 || h < 0 || !readable(scan)) return false;
    const sysFlag = scan.int32(f);
    const bornTimestamp = scan.safeInt(g);
    const flag = scan.int32(h);
    // NaN & anything is 0: ask for NaN too.
    if ((sysFlag & ~plainSysFlags) !== 0 || Number.isNaN(sysFlag + bornTimestamp + flag)) return false;
    const j = byLetter[letter.j] as number;
    const reconsumeTimes = j < 0 ? 0 : scan.int32(j);
    if (Number.isNaN(reconsumeTimes)) return false;
    const m = byLetter[letter.m] as number;
    const batch = m >= 0 && scan.bool(m);
    const queueId = queueOf(scan, traits);
    if (queueId < 0) return false;
    const queue = topic.queues[queueId];
    if (queue === undefined) return false;

    const i = byLetter[letter.i] as number;
    let propsEnd = 0;
    if (i >= 0) {
      if ((scan.valueEnd[i] as number) - (scan.valueStart[i] as number) > propertiesScratchBytes) return false;
      propsEnd = scan.properties(i);
      if (propsEnd < 0) return false;
    }
    if (batch) {
      form.batch(scratch, propsEnd);
      if (form.scan.special || (traits.batchQueue && form.scan.uniqKeyStart >= 0)) return false;
    } else if (!form.plain(scratch, propsEnd)) {
      return false;
    }

    const input = form.input;
    input.queue = queue;
    input.flag = flag;
    input.bornTimestamp = bornTimestamp;
    input.bornHost = connection.remoteHost;
    input.sysFlag = form.sysFlag(sysFlag | traits.sysFlagBits, connection.remoteHost);
    input.reconsumeTimes = reconsumeTimes;
    input.preparedTransactionOffset = 0;
    input.body = frame;
    input.bodyStart = bodyStart;
    input.bodyEnd = bodyEnd;
    const result = batch ? store.putBatch(input) : store.put(input);
    const oneway = (scan.flag & onewayFlag) !== 0;
    if (result.status !== 'PUT_OK') {
      const answer = putAnswer(ctx, result);
      if (!oneway && answer !== undefined) connection.reply(scan.opaque, { ...answer, ext: form.ext() } satisfies Reply);
      return true;
    }
    if (oneway) {
      ctx.turn.schedule();
      return true;
    }
    // The address is fixed once listening, region and trace switch may change at run time.
    if (form.ext() !== ext) {
      ext = form.ext();
      writer.configure(form.idPrefix(), config.regionId, config.traceOn);
    }
    const held = acks.replies(connection);
    const { uniqKeyStart, uniqKeyEnd, waitStoreOk } = form.scan;
    held.room(writer.bytesMax(uniqKeyEnd - uniqKeyStart, result.count));
    const end = batch
      ? writer.writeBatch(held.bytes, held.length, scan.opaque, queueId, result.queueOffset, result.phyOffsets, result.count, scratch, uniqKeyStart, uniqKeyEnd)
      : writer.write(held.bytes, held.length, scan.opaque, queueId, result.queueOffset, result.phyOffset, scratch, uniqKeyStart, uniqKeyEnd);
    acks.hold(held, scan.opaque, end, waitStoreOk, result.phyOffset);
    return true;
  };
}
