/** Several groups in one request, attributes of groups, and what is forbidden to a group. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, notCode, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';
import { allGroups, groupOf, put } from './support.js';

const putList = (t: Context, groupConfigList: readonly object[]): Promise<Answer> => t.request(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, {}, { body: JSON.stringify({ groupConfigList }) });

interface Forbidden {
  readonly group: string;
  readonly topic: string;
  readonly readable: boolean;
}

async function forbidden(t: Context, group: string, topic: string, readable?: boolean): Promise<Forbidden> {
  const answer = await t.request(req.UPDATE_AND_GET_GROUP_FORBIDDEN, { group, topic, ...(readable === undefined ? {} : { readable }) });
  code(answer, res.SUCCESS, 'UPDATE_AND_GET_GROUP_FORBIDDEN');
  return json(answer) as Forbidden;
}

export const cases = defineCases('groups', [
  {
    name: 'groups.list.creates-all',
    requirement: 'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST creates every group of its body.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateSubscriptionGroupList',
    needs: ['admin'],
    versions: { from: '5.3.0' },
    async run(t) {
      const names = [t.groupName('a'), t.groupName('b')];
      for (const name of names) t.forgetGroup(name);
      code(await putList(t, names.map((groupName, i) => ({ groupName, retryMaxTimes: 3 + i }))), res.SUCCESS, 'create');
      const all = await allGroups(t);
      equal(names.map((name) => all[name]?.retryMaxTimes), [3, 4], 'retryMaxTimes');
    },
  },
  {
    name: 'groups.list.one-bad-name-none-created',
    requirement: 'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST with one name that is not allowed is INVALID_PARAMETER and creates none.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateSubscriptionGroupList',
    needs: ['admin'],
    versions: { from: '5.3.0' },
    async run(t) {
      const good = t.groupName('good');
      t.forgetGroup(good);
      code(await putList(t, [{ groupName: good }, { groupName: `${t.groupName('bad')}/x` }]), res.INVALID_PARAMETER, 'create');
      equal((await allGroups(t))[good], undefined, 'the group with the good name');
    },
  },
  {
    name: 'groups.list.empty-succeeds',
    requirement: 'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST of no groups is answered SUCCESS.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#updateSubscriptionGroupConfigList',
    needs: ['admin'],
    versions: { from: '5.3.0' },
    async run(t) {
      code(await putList(t, []), res.SUCCESS, 'create');
    },
  },
  {
    name: 'groups.attributes.set',
    requirement: 'A group created with +name=value has the attribute, its name without the sign.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#updateSubscriptionGroupConfigWithoutPersist',
    needs: ['admin'],
    versions: { from: '5.4.0' },
    async run(t) {
      const groupName = t.groupName();
      code(await put(t, { groupName, attributes: { '+priority.factor': '50' } }), res.SUCCESS, 'create');
      equal((await groupOf(t, groupName)).attributes, { 'priority.factor': '50' }, 'attributes');
    },
  },
  {
    name: 'groups.attributes.kept-by-other-update',
    requirement: 'An update without attributes leaves those of the group as they are.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#updateSubscriptionGroupConfigWithoutPersist',
    needs: ['admin'],
    versions: { from: '5.4.0' },
    async run(t) {
      const groupName = t.groupName();
      code(await put(t, { groupName, attributes: { '+priority.factor': '50' } }), res.SUCCESS, 'create');
      code(await put(t, { groupName, retryMaxTimes: 2 }), res.SUCCESS, 'update');
      const { attributes, retryMaxTimes } = await groupOf(t, groupName);
      equal([attributes, retryMaxTimes], [{ 'priority.factor': '50' }, 2], 'attributes and retryMaxTimes');
    },
  },
  {
    name: 'groups.attributes.deleted',
    requirement: 'An update with -name deletes an attribute of a group.',
    level: 'SHOULD',
    source: 'AttributeUtil#alterCurrentAttributes',
    needs: ['admin'],
    versions: { from: '5.4.0' },
    async run(t) {
      const groupName = t.groupName();
      code(await put(t, { groupName, attributes: { '+priority.factor': '50' } }), res.SUCCESS, 'create');
      code(await put(t, { groupName, attributes: { '-priority.factor': '' } }), res.SUCCESS, 'update');
      equal((await groupOf(t, groupName)).attributes, {}, 'attributes');
    },
  },
  {
    name: 'groups.attributes.unknown-name-refused',
    requirement: 'A group attribute with a name that is not known is refused, and the group is not created.',
    level: 'SHOULD',
    source: 'AttributeUtil#validateAlter',
    needs: ['admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const groupName = t.groupName();
      const answer = await put(t, { groupName, attributes: { '+colour': 'red' } });
      code(answer, res.SYSTEM_ERROR, 'create');
      remarkMatches(answer, 'unsupported key: colour', 'create');
      equal((await allGroups(t))[groupName], undefined, 'the group');
    },
  },
  {
    name: 'groups.attributes.out-of-range-refused',
    requirement: 'A priority.factor outside 0 to 100 is refused, and the group is as it was.',
    level: 'SHOULD',
    source: 'LongRangeAttribute#verify',
    needs: ['admin'],
    versions: { from: '5.4.0' },
    async run(t) {
      const group = await t.group({ retryMaxTimes: 3 });
      const answer = await put(t, { groupName: group, attributes: { '+priority.factor': '101' } });
      code(answer, res.SYSTEM_ERROR, 'update');
      remarkMatches(answer, 'value is not in range(0, 100)', 'update');
      equal((await groupOf(t, group)).retryMaxTimes, 3, 'retryMaxTimes');
    },
  },
  {
    name: 'groups.create.body-not-json-refused',
    requirement: 'A group creation whose body is no JSON is refused.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateSubscriptionGroup',
    needs: ['admin'],
    async run(t) {
      notCode(await t.request(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, { body: '{"groupName":' }), res.SUCCESS, 'create with half a JSON object');
    },
  },
  {
    name: 'groups.forbidden.readable-by-default',
    requirement: 'UPDATE_AND_GET_GROUP_FORBIDDEN without readable changes nothing and answers that the topic is readable.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#updateAndGetGroupForbidden',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      equal(await forbidden(t, group, topic), { group, topic, readable: true }, 'answer');
    },
  },
  {
    name: 'groups.forbidden.set',
    requirement: 'After readable=false UPDATE_AND_GET_GROUP_FORBIDDEN answers that the topic is not readable to the group.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#setForbidden',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      equal((await forbidden(t, group, topic, false)).readable, false, 'readable in the answer');
      equal((await forbidden(t, group, topic)).readable, false, 'readable when asked again');
    },
  },
  {
    name: 'groups.forbidden.other-topic-free',
    requirement: 'What is forbidden to a group for one topic is not forbidden for another.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#getForbidden',
    versions: { from: '5.0.0' },
    async run(t) {
      const group = await t.group();
      await forbidden(t, group, await t.topic(), false);
      equal((await forbidden(t, group, await t.topic())).readable, true, 'readable');
    },
  },
  {
    name: 'groups.forbidden.cleared',
    requirement: 'After readable=true the topic is readable to the group again.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#clearForbidden',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await forbidden(t, group, topic, false);
      equal((await forbidden(t, group, topic, true)).readable, true, 'readable');
    },
  },
  {
    name: 'groups.forbidden.gone-with-group',
    requirement: 'What was forbidden to a group is forgotten when the group is deleted.',
    level: 'SHOULD',
    source: 'SubscriptionGroupManager#deleteSubscriptionGroupConfig',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await forbidden(t, group, topic, false);
      code(await t.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName: group, cleanOffset: true }), res.SUCCESS, 'delete');
      code(await put(t, { groupName: group }), res.SUCCESS, 'create again');
      equal((await forbidden(t, group, topic)).readable, true, 'readable');
    },
  },
  {
    name: 'groups.forbidden.refuses-pull',
    requirement: 'A pull, by its registered subscription, of a topic that is forbidden to its group is NO_PERMISSION with forbiddenType 5.',
    level: 'SHOULD',
    source: 'PullMessageProcessor#processRequest, ForbiddenType#SUBSCRIPTION_FORBIDDEN',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 1);
      code(await t.heartbeat(`c-${group}`, { consumers: [{ group, subscriptions: [topic] }] }), res.SUCCESS, 'heartbeat');
      await forbidden(t, group, topic, false);
      const answer = await t.pull(topic, { group, sysFlag: 0, ext: { subVersion: 1, subscription: undefined } });
      code(answer, res.NO_PERMISSION, 'pull');
      equal(answer.ext['forbiddenType'], '5', 'forbiddenType');
    },
  },
]);
