/** Subscription groups: creation, defaults, names, updates, listings. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, notCode, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';
import { allGroups, groupOf, put, type GroupConfig } from './support.js';

export const cases = defineCases('groups', [
  {
    name: 'groups.create.fields-kept',
    requirement: 'A created group has the settings of the request.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateSubscriptionGroup',
    async run(t) {
      const settings = {
        consumeEnable: false, consumeFromMinEnable: false, consumeBroadcastEnable: false, retryQueueNums: 3, retryMaxTimes: 5, brokerId: 2,
        whichBrokerWhenConsumeSlowly: 3, notifyConsumerIdsChangedEnable: false,
      };
      const group = await t.group(settings);
      const config = await groupOf(t, group);
      equal(Object.fromEntries(Object.keys(settings).map((key) => [key, config[key as keyof GroupConfig]])), settings, 'settings');
    },
  },
  {
    name: 'groups.create.defaults',
    requirement: 'Settings that a group creation leaves out have their defaults.',
    level: 'MUST',
    source: 'SubscriptionGroupConfig',
    needs: ['admin'],
    async run(t) {
      const groupName = t.groupName();
      code(await put(t, { groupName }), res.SUCCESS, 'create');
      const { consumeEnable, consumeBroadcastEnable, retryQueueNums, retryMaxTimes, brokerId, whichBrokerWhenConsumeSlowly, notifyConsumerIdsChangedEnable } = await groupOf(t, groupName);
      equal([consumeEnable, consumeBroadcastEnable, retryQueueNums, retryMaxTimes, brokerId, whichBrokerWhenConsumeSlowly, notifyConsumerIdsChangedEnable], [true, true, 1, 16, 0, 1, true],
        'consumeEnable, consumeBroadcastEnable, retryQueueNums, retryMaxTimes, brokerId, whichBrokerWhenConsumeSlowly, notifyConsumerIdsChangedEnable');
    },
  },
  {
    name: 'groups.create.defaults-since-5',
    requirement: 'A group created with its name alone is not orderly and has a consume timeout of 15 minutes.',
    level: 'SHOULD',
    source: 'SubscriptionGroupConfig',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const groupName = t.groupName();
      code(await put(t, { groupName }), res.SUCCESS, 'create');
      const { consumeMessageOrderly, consumeTimeoutMinute, groupSysFlag } = await groupOf(t, groupName);
      equal([consumeMessageOrderly, consumeTimeoutMinute, groupSysFlag], [false, 15, 0], 'consumeMessageOrderly, consumeTimeoutMinute, groupSysFlag');
    },
  },
  {
    name: 'groups.create.unknown-member-ignored',
    requirement: 'A member of the request that no release knows does not hinder the creation of a group.',
    level: 'SHOULD',
    source: 'RemotingSerializable#decode',
    needs: ['admin'],
    async run(t) {
      const groupName = t.groupName();
      code(await put(t, { groupName, retryMaxTimes: 7, noSuchMember: { a: [1] } }), res.SUCCESS, 'create');
      equal((await groupOf(t, groupName)).retryMaxTimes, 7, 'retryMaxTimes');
    },
  },
  {
    name: 'groups.update.replaces-all',
    requirement: 'An update replaces all settings: those it leaves out go back to their defaults.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#updateSubscriptionGroupConfig',
    async run(t) {
      const group = await t.group({ retryMaxTimes: 5, consumeEnable: false });
      code(await put(t, { groupName: group, retryQueueNums: 2 }), res.SUCCESS, 'update');
      const { retryMaxTimes, consumeEnable, retryQueueNums } = await groupOf(t, group);
      equal([retryMaxTimes, consumeEnable, retryQueueNums], [16, true, 2], 'retryMaxTimes, consumeEnable, retryQueueNums');
    },
  },
  {
    name: 'groups.update.raises-data-version',
    requirement: 'An update raises the counter of the DataVersion of the groups.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#updateDataVersion',
    async run(t) {
      const counter = async (): Promise<number> => (json(await t.request(req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)) as { readonly dataVersion: { readonly counter: number } }).dataVersion.counter;
      const group = await t.group();
      const before = await counter();
      code(await put(t, { groupName: group }), res.SUCCESS, 'update');
      isTrue((await counter()) > before, 'the counter is larger');
    },
  },
  {
    name: 'groups.create.blank-refused',
    requirement: 'A group whose name is blank is INVALID_PARAMETER.',
    level: 'MUST',
    source: 'TopicValidator#validateGroup',
    needs: ['admin'],
    versions: { from: '5.1.0' },
    async run(t) {
      const answer = await put(t, { groupName: ' ' });
      code(answer, res.INVALID_PARAMETER, 'create a group with a blank name');
      remarkMatches(answer, 'The specified group is blank.', 'create a group with a blank name');
    },
  },
  {
    name: 'groups.create.bad-characters-refused',
    requirement: 'A group whose name has characters that are not allowed is INVALID_PARAMETER and not created.',
    level: 'MUST',
    source: 'TopicValidator#validateGroup',
    needs: ['admin'],
    versions: { from: '5.1.0' },
    async run(t) {
      const groupName = `${t.groupName()}$x`;
      code(await put(t, { groupName }), res.INVALID_PARAMETER, 'create');
      equal((await allGroups(t))[groupName], undefined, 'the group');
    },
  },
  {
    name: 'groups.create.path-in-name-refused',
    requirement: 'A group whose name is a path is not created.',
    level: 'MUST',
    source: 'TopicValidator#validateGroup',
    needs: ['admin'],
    versions: { from: '5.1.0' },
    async run(t) {
      const groupName = `../${t.groupName()}`;
      notCode(await put(t, { groupName }), res.SUCCESS, 'create');
      equal((await allGroups(t))[groupName], undefined, 'the group');
    },
  },
  {
    name: 'groups.create.name-120-accepted',
    requirement: 'A group name of 120 characters is accepted.',
    level: 'MUST',
    source: 'TopicValidator#GROUP_MAX_LENGTH',
    needs: ['admin'],
    async run(t) {
      const groupName = t.groupName().padEnd(120, 'x');
      code(await put(t, { groupName }), res.SUCCESS, 'create');
      isTrue((await allGroups(t))[groupName] !== undefined, 'the group is there');
    },
  },
  {
    name: 'groups.create.name-121-refused',
    requirement: 'A group name of 121 characters is INVALID_PARAMETER.',
    level: 'MUST',
    source: 'TopicValidator#GROUP_MAX_LENGTH',
    needs: ['admin'],
    versions: { from: '5.4.0' },
    async run(t) {
      const answer = await put(t, { groupName: t.groupName().padEnd(121, 'x') });
      code(answer, res.INVALID_PARAMETER, 'create');
      remarkMatches(answer, 'is longer than group max length', 'create');
    },
  },
  {
    name: 'groups.get.one',
    requirement: 'GET_SUBSCRIPTIONGROUP_CONFIG answers the settings of one group.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getSubscriptionGroup',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = await t.group({ retryMaxTimes: 9 });
      const answer = await t.request(req.GET_SUBSCRIPTIONGROUP_CONFIG, { group });
      code(answer, res.SUCCESS, 'get');
      const { groupName, retryMaxTimes } = json(answer) as GroupConfig;
      equal([groupName, retryMaxTimes], [group, 9], 'groupName and retryMaxTimes');
    },
  },
  {
    name: 'groups.get.unknown-created',
    requirement: 'GET_SUBSCRIPTIONGROUP_CONFIG of a group that is not there creates it with default settings, where groups are created by themselves.',
    level: 'INFORMATIONAL',
    source: 'SubscriptionGroupManager#findSubscriptionGroupConfig',
    needs: ['auto-create-group'],
    versions: { from: '5.0.0' },
    async run(t) {
      const group = t.groupName();
      t.forgetGroup(group);
      const answer = await t.request(req.GET_SUBSCRIPTIONGROUP_CONFIG, { group });
      code(answer, res.SUCCESS, 'get');
      equal((await groupOf(t, group)).retryMaxTimes, 16, 'retryMaxTimes');
    },
  },
  {
    name: 'groups.get.bad-name',
    requirement: 'GET_SUBSCRIPTIONGROUP_CONFIG of a name that no group may have is SUBSCRIPTION_GROUP_NOT_EXIST.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#getSubscriptionGroup',
    versions: { from: '5.1.0' },
    async run(t) {
      const answer = await t.request(req.GET_SUBSCRIPTIONGROUP_CONFIG, { group: `${t.groupName()} x` });
      code(answer, res.SUBSCRIPTION_GROUP_NOT_EXIST, 'get');
      remarkMatches(answer, 'No group in this broker', 'get');
    },
  },
  {
    name: 'groups.get.all-has-total',
    requirement: 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG answers the number of groups as totalGroupNum.',
    level: 'SHOULD',
    source: 'GetAllSubscriptionGroupResponseHeader#getTotalGroupNum',
    versions: { from: '5.4.0' },
    async run(t) {
      await t.group();
      const answer = await t.request(req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG);
      const there = Object.keys((json(answer) as { readonly subscriptionGroupTable: object }).subscriptionGroupTable).length;
      isTrue(Math.abs(Number(answer.ext['totalGroupNum'] ?? NaN) - there) < 50, `totalGroupNum is about ${there}, was ${answer.ext['totalGroupNum']}`);
    },
  },
  {
    name: 'groups.get.all-has-system-groups',
    requirement: 'The groups that belong to the broker itself are among all groups.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#init',
    async run(t) {
      const all = await allGroups(t);
      equal(['TOOLS_CONSUMER', 'FILTERSRV_CONSUMER', 'SELF_TEST_C_GROUP', 'CID_ONSAPI_OWNER'].filter((group) => all[group] === undefined), [], 'groups that are not there');
    },
  },
]);
