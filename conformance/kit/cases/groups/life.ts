/** Subscription groups: deletion, groups that appear by themselves, and groups that may not consume. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, remarkMatches } from '../../expect.js';
import { allTopics } from '../topics/support.js';
import { allGroups, groupOf, put } from './support.js';

export const cases = defineCases('groups', [
  {
    name: 'groups.delete.gone-after',
    requirement: 'A deleted group is no longer among all groups.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#deleteSubscriptionGroupConfig',
    async run(t) {
      const group = await t.group();
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: group, cleanOffset: true }), res.SUCCESS, 'delete');
      equal((await allGroups(t))[group], undefined, 'the group');
    },
  },
  {
    name: 'groups.delete.without-clean-recreated',
    requirement: 'A group deleted with cleanOffset=false is created again at once with default settings, where groups are created by themselves.',
    level: 'INFORMATIONAL',
    source: 'AdminBrokerProcessor#deleteSubscriptionGroup, LiteMetadataUtil#isLiteGroupType',
    needs: ['auto-create-group'],
    versions: { from: '5.5.0' },
    async run(t) {
      const group = await t.group({ retryMaxTimes: 3 });
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: group, cleanOffset: false }), res.SUCCESS, 'delete');
      equal((await groupOf(t, group)).retryMaxTimes, 16, 'retryMaxTimes');
    },
  },
  {
    name: 'groups.delete.unknown-succeeds',
    requirement: 'The deletion of a group that is not there is answered SUCCESS.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteSubscriptionGroup',
    needs: ['admin'],
    async run(t) {
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: t.groupName(), cleanOffset: true }), res.SUCCESS, 'delete');
    },
  },
  {
    name: 'groups.delete.keeps-offsets',
    requirement: 'The deletion of a group with cleanOffset=false keeps its offsets for a group of the same name.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteSubscriptionGroup',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit');
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: group, cleanOffset: false }), res.SUCCESS, 'delete');
      code(await put(t, { groupName: group }), res.SUCCESS, 'create again');
      equal((await t.queryOffset(group, topic)).offset, 2, 'offset');
    },
  },
  {
    name: 'groups.delete.cleans-offsets',
    requirement: 'The deletion of a group with cleanOffset=true removes its offsets.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#removeOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit');
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: group, cleanOffset: true }), res.SUCCESS, 'delete');
      code(await put(t, { groupName: group }), res.SUCCESS, 'create again');
      const answer = await t.queryOffset(group, topic);
      isTrue(answer.code === res.QUERY_NOT_FOUND || answer.offset === 0, `the offset is gone: code ${answer.code}, offset ${answer.offset}`);
    },
  },
  {
    name: 'groups.delete.clean-offset-default',
    requirement: 'The deletion of a group without the field cleanOffset keeps its offsets.',
    level: 'SHOULD',
    source: 'DeleteSubscriptionGroupRequestHeader#isCleanOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit');
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: group }), res.SUCCESS, 'delete');
      code(await put(t, { groupName: group }), res.SUCCESS, 'create again');
      equal((await t.queryOffset(group, topic)).offset, 2, 'offset');
    },
  },
  {
    name: 'groups.auto-create.by-heartbeat',
    requirement: 'The heartbeat of a consumer creates its group with default settings, where groups are created by themselves.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#findSubscriptionGroupConfig',
    needs: ['auto-create-group'],
    async run(t) {
      const topic = await t.topic();
      const group = t.groupName();
      t.forgetGroup(group);
      code(await t.heartbeat(`c-${group}`, { consumers: [{ group, subscriptions: [topic] }] }), res.SUCCESS, 'heartbeat');
      const { consumeEnable, retryMaxTimes, retryQueueNums } = await groupOf(t, group);
      equal([consumeEnable, retryMaxTimes, retryQueueNums], [true, 16, 1], 'consumeEnable, retryMaxTimes, retryQueueNums');
      isTrue((await allTopics(t))[`%RETRY%${group}`] !== undefined, 'its retry topic is there');
    },
  },
  {
    name: 'groups.auto-create.by-pull',
    requirement: 'A pull of a group that is not there creates it, where groups are created by themselves.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    needs: ['auto-create-group'],
    async run(t) {
      const topic = await t.topic();
      const group = t.groupName();
      t.forgetGroup(group);
      await t.fill(topic, 1);
      equal((await t.pullAll(topic, 1, { group })).length, 1, 'messages');
      await groupOf(t, group);
    },
  },
  {
    name: 'groups.auto-create.bad-name-refused',
    requirement: 'A pull of a group whose name is not allowed is SUBSCRIPTION_GROUP_NOT_EXIST and creates nothing.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#findSubscriptionGroupConfig',
    versions: { from: '5.1.0' },
    async run(t) {
      const topic = await t.topic();
      const group = `${t.groupName()}/x`;
      const answer = await t.pull(topic, { group });
      code(answer, res.SUBSCRIPTION_GROUP_NOT_EXIST, 'pull');
      remarkMatches(answer, `subscription group [${group}] does not exist`, 'pull');
      equal((await allGroups(t))[group], undefined, 'the group');
    },
  },
  {
    name: 'groups.auto-create.not-by-producer',
    requirement: 'The heartbeat of a producer creates no subscription group.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      const group = t.groupName();
      code(await t.heartbeat(`p-${group}`, { producers: [group] }), res.SUCCESS, 'heartbeat');
      equal((await allGroups(t))[group], undefined, 'the group');
    },
  },
  {
    name: 'groups.consume-enable.off-refuses-pull',
    requirement: 'A pull of a group with consumeEnable=false is NO_PERMISSION.',
    level: 'MUST',
    source: 'PullMessageProcessor#processRequest',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group({ consumeEnable: false });
      const answer = await t.pull(topic, { group });
      code(answer, res.NO_PERMISSION, 'pull');
      remarkMatches(answer, `subscription group no permission, ${group}`, 'pull');
    },
  },
  {
    name: 'groups.consume-enable.on-again',
    requirement: 'A group whose consumeEnable is switched on again can pull.',
    level: 'MUST',
    source: 'SubscriptionGroupManager#updateSubscriptionGroupConfig',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      const group = await t.group({ consumeEnable: false });
      code(await put(t, { groupName: group, consumeEnable: true }), res.SUCCESS, 'update');
      equal((await t.pullAll(topic, 1, { group })).length, 1, 'messages');
    },
  },
]);
