/**
 * The hot path of PULL_MESSAGE and LITE_PULL_MESSAGE: the request from the scanned header, the answer with messages written without a header object.
 * Checks, reads and waiting are pull.ts's, the same for both paths.
 */
import type { HeaderScan } from '../../codec/header-scan.js';
import { PullReplyWriter, pullReplyBytesMax } from '../../codec/reply-writer.js';
import type { Connection, FastHandler } from '../../remoting/types.js';
import { replyOf } from './pull.js';
import type { PullAnswer, PullListener, PullRefusal, PullRequest } from './pull.js';
import type { BrokerContext } from './types.js';

/** Slices up to this size are copied into the connection's output: below it a copy costs less than a buffer of its own in a gathered write. */
const copiedSliceBytesMax = 24 * 1024;

const onewayFlag = 2;

/** How the hot path calls `Pull.pull`. */
export type RunPull = (request: PullRequest, listener: PullListener) => void;

/** Texts that repeat from one pull to the next, kept by their bytes so that no new string is made. */
class RecentText {
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';

  of(scan: HeaderScan, member: number): string {
    if (!scan.sameBytes(member, this.#bytes)) {
      this.#text = scan.text(member);
      this.#bytes = Buffer.from(scan.bytes.subarray(scan.valueStart[member], scan.valueEnd[member]));
    }
    return this.#text;
  }
}

export function createPullFast(ctx: BrokerContext, pull: RunPull, lite: boolean): FastHandler {
  const writer = new PullReplyWriter();
  const head = Buffer.allocUnsafeSlow(pullReplyBytesMax);
  const groups = new RecentText();
  const subscriptions = new RecentText();
  const expressionTypes = new RecentText();

  function send(connection: Connection, opaque: number, answer: PullAnswer | PullRefusal): void {
    if (!connection.open) return;
    if (!('found' in answer) || answer.found === undefined || answer.header === undefined) {
      connection.reply(opaque, replyOf(answer));
      return;
    }
    const { header, found } = answer;
    const end = writer.write(
      head, 0, opaque, found.bytes, header.nextBeginOffset, header.minOffset, header.maxOffset,
      header.suggestWhichBrokerId, header.topicSysFlag, header.groupSysFlag,
    );
    connection.write(head.subarray(0, end));
    let lent = false;
    for (const slice of found.slices) {
      if (slice.length <= copiedSliceBytesMax) connection.write(slice);
      else {
        connection.writeOwned(slice);
        lent = true;
      }
    }
    if (!lent) ctx.store.release(found);
    ctx.turn.schedule();
  }

  return (connection, scan): boolean => {
    if ((scan.flag & onewayFlag) !== 0) return false;
    const consumerGroup = scan.find('consumerGroup');
    const topic = scan.find('topic');
    if (consumerGroup < 0 || topic < 0 || scan.find('liteTopic') >= 0 || scan.find('requestSource') >= 0) return false;
    // Not used, but the full reader refuses it when it is no number.
    const maxMsgBytes = scan.find('maxMsgBytes');
    if (maxMsgBytes >= 0 && Number.isNaN(scan.int32(maxMsgBytes))) return false;
    const known = scan.escaped[topic] === 1 ? undefined : ctx.topics.getByBytes(scan.bytes, scan.valueStart[topic] as number, scan.valueEnd[topic] as number);
    if (known === undefined || known.mapped) return false;
    const queueId = int32(scan, 'queueId');
    const queueOffset = int64(scan, 'queueOffset');
    const maxMsgNums = int32(scan, 'maxMsgNums');
    const sysFlag = int32(scan, 'sysFlag');
    const commitOffset = int64(scan, 'commitOffset');
    const suspendTimeoutMs = int64(scan, 'suspendTimeoutMillis');
    const subVersion = int64(scan, 'subVersion');
    // One NaN makes the sum NaN: missing, malformed or beyond safe integers.
    if (Number.isNaN(queueId + queueOffset + maxMsgNums + sysFlag + commitOffset + suspendTimeoutMs + subVersion)) return false;
    const subscription = scan.find('subscription');
    const expressionType = scan.find('expressionType');
    const opaque = scan.opaque;
    const request: PullRequest = {
      connection,
      lite,
      group: groups.of(scan, consumerGroup),
      topicName: known.name,
      liteTopic: undefined,
      queueId,
      queueOffset,
      maxMsgNums,
      sysFlag,
      commitOffset,
      suspendTimeoutMs,
      subscription: subscription < 0 ? undefined : subscriptions.of(scan, subscription),
      expressionType: expressionType < 0 ? undefined : expressionTypes.of(scan, expressionType),
      subVersion: BigInt(subVersion),
    };
    pull(request, (answer) => send(connection, opaque, answer));
    return true;
  };
}

function int32(scan: HeaderScan, name: string): number {
  const member = scan.find(name);
  return member < 0 ? NaN : scan.int32(member);
}

function int64(scan: HeaderScan, name: string): number {
  const member = scan.find(name);
  return member < 0 ? NaN : scan.safeInt(member);
}
