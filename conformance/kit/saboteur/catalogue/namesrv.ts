/** Sabotage of the name server. */
import { req, res } from '../../codes.js';
import type { Command } from '../../wire/frame.js';
import { answerTo, defineSabotages, onAnswer, onSuccess, pretend, withExt, withText, type Hooks } from '../sabotage.js';

/** Answers like `run` says to requests at the name server only. */
function atNamesrv(hooks: Hooks): Hooks {
  return {
    request: (request, link) => (link.role === 'namesrv' ? hooks.request?.(request, link) : undefined),
    answer: (answer, request, link) => (link.role === 'namesrv' ? hooks.answer?.(answer, request, link) : undefined),
  };
}

export const namesrvSabotages = defineSabotages('namesrv', [
  {
    name: 'namesrv.unknown-topic-empty-route',
    does: 'Answers the route of an unknown topic with SUCCESS and no queues.',
    breaks: 'A topic without a route is TOPIC_NOT_EXIST.',
    witnesses: ['namesrv.route.unknown-topic', 'namesrv.*'],
    hooks: () => onAnswer(req.GET_ROUTEINFO_BY_TOPIC, (answer) => (answer.code === res.TOPIC_NOT_EXIST ? { ...answer, code: 0, remark: undefined, body: Buffer.from('{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}') } : undefined)),
  },
  {
    name: 'namesrv.unknown-topic-wrong-code',
    does: 'Answers the route of an unknown topic with SYSTEM_ERROR.',
    breaks: 'A topic without a route is TOPIC_NOT_EXIST.',
    witnesses: ['namesrv.route.unknown-topic', 'namesrv.*'],
    hooks: () => onAnswer(req.GET_ROUTEINFO_BY_TOPIC, (answer) => (answer.code === res.TOPIC_NOT_EXIST ? { ...answer, code: 1 } : undefined)),
  },
  {
    name: 'namesrv.unknown-topic-wrong-remark',
    does: 'Names another topic in the remark about a topic without a route.',
    breaks: 'The remark names the topic that was asked for.',
    witnesses: ['namesrv.route.unknown-topic', 'namesrv.*'],
    hooks: () => onAnswer(req.GET_ROUTEINFO_BY_TOPIC, (answer, request) => (answer.code === res.TOPIC_NOT_EXIST ? { ...answer, remark: answer.remark?.replaceAll(request.ext['topic'] ?? '', 'TBW102') } : undefined)),
  },
  {
    name: 'namesrv.stale-route',
    does: 'Answers the first route it found of a topic for ever.',
    breaks: 'A route follows changes and deletion of its topic.',
    witnesses: ['namesrv.route.follows-update-of-topic', 'namesrv.*delete*', 'namesrv.*follow*', 'namesrv.*update*', 'namesrv.*', 'topics.*'],
    hooks: () => {
      const first = new Map<string, Buffer>();
      return onAnswer(req.GET_ROUTEINFO_BY_TOPIC, (answer, request) => {
        const topic = request.ext['topic'] ?? '';
        const old = first.get(topic);
        if (old === undefined && answer.code === 0) first.set(topic, answer.body);
        return old === undefined ? undefined : { ...answer, code: 0, remark: undefined, body: old };
      });
    },
  },
  {
    name: 'namesrv.queue-data-missing',
    does: 'Leaves the queue data out of routes.',
    breaks: 'A route says how many queues each broker has.',
    witnesses: ['namesrv.route.created-topic', 'namesrv.*'],
    hooks: () => onSuccess(req.GET_ROUTEINFO_BY_TOPIC, (answer) => withText(answer, /"queueDatas":\[.*?\]/s, '"queueDatas":[]')),
  },
  {
    name: 'namesrv.broker-data-missing',
    does: 'Leaves the brokers out of routes.',
    breaks: 'A route says where its brokers are.',
    witnesses: ['namesrv.route.created-topic', 'namesrv.*'],
    hooks: () => onSuccess(req.GET_ROUTEINFO_BY_TOPIC, (answer) => withText(answer, /"brokerAddrs":\{.*?\}/gs, '"brokerAddrs":{}')),
  },
  {
    name: 'namesrv.wrong-perm',
    does: 'Says permission 4 for topics that may be written.',
    breaks: 'A route has the permission of the topic.',
    witnesses: ['namesrv.route.created-topic', 'namesrv.*'],
    hooks: () => onSuccess(req.GET_ROUTEINFO_BY_TOPIC, (answer) => withText(answer, /"perm":6/g, '"perm":4')),
  },
  {
    name: 'namesrv.queue-counts-swapped',
    does: 'Exchanges the numbers of read and write queues.',
    breaks: 'A route tells read queues from write queues.',
    witnesses: ['namesrv.route.created-topic', 'namesrv.*'],
    hooks: () => onSuccess(req.GET_ROUTEINFO_BY_TOPIC, (answer) => withText(answer, /readQueueNums|writeQueueNums/g, (name) => (name === 'readQueueNums' ? 'writeQueueNums' : 'readQueueNums'))),
  },
  {
    name: 'namesrv.broker-port-wrong',
    does: 'Gives an address in routes whose port is one too high.',
    breaks: 'A route has the address at which the broker listens.',
    witnesses: ['namesrv.route.created-topic', 'namesrv.*'],
    hooks: () => onSuccess(req.GET_ROUTEINFO_BY_TOPIC, (answer) => withText(answer, /(127\.0\.0\.1:)(\d+)/g, (_all, host, port) => `${host ?? ''}${Number(port) + 1}`)),
  },
  {
    name: 'namesrv.registration-ignored',
    does: 'Acknowledges REGISTER_BROKER and forgets it.',
    breaks: 'A broker that registered is in routes.',
    witnesses: ['namesrv.regist*', 'namesrv.*regist*', 'namesrv.*'],
    hooks: () => atNamesrv(pretend(req.REGISTER_BROKER)),
  },
  {
    name: 'namesrv.unregistration-ignored',
    does: 'Acknowledges UNREGISTER_BROKER and forgets it.',
    breaks: 'A broker that left is in no route.',
    witnesses: ['namesrv.unregist*', 'namesrv.*unregist*', 'namesrv.*'],
    hooks: () => atNamesrv(pretend(req.UNREGISTER_BROKER)),
  },
  {
    name: 'namesrv.kv-put-lost',
    does: 'Acknowledges PUT_KV_CONFIG and forgets it.',
    breaks: 'GET_KV_CONFIG answers what was put.',
    needs: ['namesrv-admin'],
    witnesses: ['namesrv.kv.get-what-was-put', 'namesrv.kv.*', 'namesrv.*'],
    hooks: () => pretend(req.PUT_KV_CONFIG),
  },
  {
    name: 'namesrv.kv-value-cut',
    does: 'Cuts the last character off KV values.',
    breaks: 'GET_KV_CONFIG answers what was put.',
    needs: ['namesrv-admin'],
    witnesses: ['namesrv.kv.get-what-was-put', 'namesrv.kv.*', 'namesrv.*'],
    hooks: () => onSuccess(req.GET_KV_CONFIG, (answer) => withExt(answer, { value: answer.ext['value']?.slice(0, -1) })),
  },
  {
    name: 'namesrv.kv-delete-ignored',
    does: 'Acknowledges DELETE_KV_CONFIG and forgets it.',
    breaks: 'A deleted key has no value.',
    needs: ['namesrv-admin'],
    witnesses: ['namesrv.kv.*delete*', 'namesrv.kv.*', 'namesrv.*'],
    hooks: () => pretend(req.DELETE_KV_CONFIG),
  },
  {
    name: 'namesrv.kv-missing-key-empty',
    does: 'Answers a key that was never put with SUCCESS and an empty value.',
    breaks: 'A key without a value is QUERY_NOT_FOUND.',
    needs: ['namesrv-admin'],
    witnesses: ['namesrv.kv.*', 'namesrv.*'],
    hooks: () => onAnswer(req.GET_KV_CONFIG, (answer) => (answer.code === res.QUERY_NOT_FOUND ? { ...answer, code: 0, remark: undefined, ext: { value: '' } } : undefined)),
  },
  {
    name: 'namesrv.topic-delete-ignored',
    does: 'Acknowledges DELETE_TOPIC_IN_NAMESRV and forgets it.',
    breaks: 'A topic deleted at the name server has no route there.',
    needs: ['namesrv-admin'],
    witnesses: ['namesrv.*delete*', 'namesrv.*'],
    hooks: () => pretend(req.DELETE_TOPIC_IN_NAMESRV),
  },
  {
    name: 'namesrv.topic-list-empty',
    does: 'Answers the list of all topics without any.',
    breaks: 'The list of topics has every topic with a route.',
    witnesses: ['namesrv.*list*', 'namesrv.*'],
    hooks: () => atNamesrv(onSuccess([req.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, req.GET_TOPICS_BY_CLUSTER], (answer) => withText(answer, /"topicList":\[.*?\]/s, '"topicList":[]'))),
  },
  {
    name: 'namesrv.cluster-info-empty',
    does: 'Answers the cluster information without brokers.',
    breaks: 'The cluster information has every registered broker.',
    witnesses: ['namesrv.*cluster*', 'namesrv.*'],
    hooks: () => onRequest(req.GET_BROKER_CLUSTER_INFO, (request) => answerTo(request, 0, { body: Buffer.from('{"brokerAddrTable":{},"clusterAddrTable":{}}') })),
  },
]);

function onRequest(code: number, answer: (request: Command) => Command): Hooks {
  return {
    request: (request, link) => {
      if (request.code !== code) return undefined;
      link.toClient(answer(request));
      return 'drop';
    },
  };
}
