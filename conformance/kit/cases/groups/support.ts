/** Subscription groups as requests name them and as a broker answers them. */
import { req } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, Failure } from '../../expect.js';
import { json } from '../../session.js';

/** SubscriptionGroupConfig. */
export interface GroupConfig {
  readonly groupName: string;
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeMessageOrderly?: boolean;
  readonly retryQueueNums: number;
  readonly retryMaxTimes: number;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly groupSysFlag?: number;
  readonly consumeTimeoutMinute?: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** UPDATE_AND_CREATE_SUBSCRIPTIONGROUP with just these members; the group is deleted at the end, whatever the answer was. */
export async function put(t: Context, config: Readonly<Record<string, unknown>> & { readonly groupName: string }): Promise<Answer> {
  if (/^\S{1,200}$/.test(config.groupName)) t.forgetGroup(config.groupName);
  return t.request(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: JSON.stringify(config) });
}

/** All groups of the broker by name. */
export async function allGroups(t: Context): Promise<Readonly<Record<string, GroupConfig>>> {
  const answer = await t.request(req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG);
  code(answer, 0, 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG');
  return (json(answer) as { readonly subscriptionGroupTable: Readonly<Record<string, GroupConfig>> }).subscriptionGroupTable;
}

/** What the broker has of a group; a Failure when it has none. */
export async function groupOf(t: Context, group: string): Promise<GroupConfig> {
  const config = (await allGroups(t))[group];
  if (config === undefined) throw new Failure(`group ${group} on the broker`, 'present', 'absent');
  return config;
}
