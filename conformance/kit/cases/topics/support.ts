/** Topics as requests name them and as a broker answers them. */
import { req } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, Failure } from '../../expect.js';
import { json } from '../../session.js';
import type { Ext } from '../../wire/header-json.js';

/** TopicConfig as GET_TOPIC_CONFIG and GET_ALL_TOPIC_CONFIG answer it. */
export interface TopicConfig {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly order: boolean;
  readonly topicFilterType: string;
  readonly topicSysFlag: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** UPDATE_AND_CREATE_TOPIC; `ext` replaces or (undefined) leaves out fields. The topic is deleted at the end, whatever the answer was. */
export async function create(t: Context, topic: string, ext: Ext = {}): Promise<Answer> {
  t.forgetTopic(topic);
  return update(t, topic, ext);
}

/** UPDATE_AND_CREATE_TOPIC of a topic whose end is cared for elsewhere. */
export async function update(t: Context, topic: string, ext: Ext = {}): Promise<Answer> {
  return t.request(req.UPDATE_AND_CREATE_TOPIC, {
    topic, defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, ...ext,
  });
}

/** All topics of the broker by name. */
export async function allTopics(t: Context): Promise<Readonly<Record<string, TopicConfig>>> {
  const answer = await t.request(req.GET_ALL_TOPIC_CONFIG);
  code(answer, 0, 'GET_ALL_TOPIC_CONFIG');
  return (json(answer) as { readonly topicConfigTable: Readonly<Record<string, TopicConfig>> }).topicConfigTable;
}

/** What the broker has of a topic; a Failure when it has none. Works with all releases. */
export async function configOf(t: Context, topic: string): Promise<TopicConfig> {
  const config = (await allTopics(t))[topic];
  if (config === undefined) throw new Failure(`topic ${topic} on the broker`, 'present', 'absent');
  return config;
}
