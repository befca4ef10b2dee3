/** Names no topic or group may have, and requests that carry them. */
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code } from '../../expect.js';
import { isBefore5 } from '../frame/support.js';

/** UPDATE_AND_CREATE_TOPIC with a name as it is. */
export function createTopic(t: Context, topic: string, ext: Record<string, string> = {}): Promise<Answer> {
  t.forgetTopic(topic);
  return t.request(req.UPDATE_AND_CREATE_TOPIC, { topic, defaultTopic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, ...ext });
}

/** UPDATE_AND_CREATE_SUBSCRIPTIONGROUP with a name as it is. */
export function createGroup(t: Context, groupName: string): Promise<Answer> {
  t.cleanup(() => t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName, cleanOffset: true }), 'delete the group');
  return t.request(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: JSON.stringify({ groupName }) });
}

/** A refusal of a topic's name: INVALID_PARAMETER since 5.0.0, SYSTEM_ERROR before. */
export function refused(t: Context, answer: Answer, what: string): void {
  code(answer, isBefore5(t) ? res.SYSTEM_ERROR : res.INVALID_PARAMETER, what);
}

/** Names of the topics that the broker has. */
export async function topicNames(t: Context): Promise<string> {
  return (await t.request(req.GET_ALL_TOPIC_CONFIG)).body.toString('utf8');
}
