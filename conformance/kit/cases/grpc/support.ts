/** What the gRPC cases share beside `grpc/ask.ts`. */
import type { Context } from '../../context.js';
import { req, res } from '../../codes.js';
import { code } from '../../expect.js';
import { topicOf } from '../../grpc/ask.js';

/** A topic of type MIXED: brokers refuse to make one unless told otherwise, so only for destructive cases. */
export async function mixedTopic(t: Context): Promise<string> {
  t.cleanup(() => t.request(req.UPDATE_BROKER_CONFIG, {}, { body: 'enableMixedMessageType=false' }), 'enableMixedMessageType off again');
  code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: 'enableMixedMessageType=true' }), res.SUCCESS, 'enableMixedMessageType on');
  return topicOf(t, 'MIXED');
}
