/** Sabotage of what a broker knows about clients: heartbeats, consumer lists, notifications, locks. */
import { req } from '../../codes.js';
import { defineSabotages, onAnswer, onRequest, onSuccess, pretend, withText } from '../sabotage.js';

export const clientSabotages = defineSabotages('clients', [
  {
    name: 'clients.heartbeat-ignored',
    does: 'Acknowledges heartbeats and forgets them.',
    breaks: 'A client that sent a heartbeat is a member of its groups.',
    witnesses: ['clients.*', 'rebalance.*', 'admin.*connection*'],
    hooks: () => pretend(req.HEART_BEAT),
  },
  {
    name: 'clients.consumer-list-misses-one',
    does: 'Leaves a member out of the list of consumers.',
    breaks: 'The list of consumers has every member of the group.',
    witnesses: ['clients.*list*', 'clients.*', 'rebalance.*'],
    hooks: () => onSuccess(req.GET_CONSUMER_LIST_BY_GROUP, (answer) => withText(answer, /,?"[^"]*"\]/, ']')),
  },
  {
    name: 'clients.consumer-list-empty-success',
    does: 'Answers the consumers of a group without members with SUCCESS.',
    breaks: 'A group without members has no list of consumers.',
    witnesses: ['clients.*list*', 'clients.*', 'rebalance.*'],
    hooks: () => onAnswer(req.GET_CONSUMER_LIST_BY_GROUP, (answer) => (answer.code === 0 ? undefined : { ...answer, code: 0, remark: undefined, body: Buffer.from('{"consumerIdList":[]}') })),
  },
  {
    name: 'clients.no-notification',
    does: 'Does not tell the members of a group that it changed.',
    breaks: 'Members are told at once when others come or go.',
    witnesses: ['clients.notif*', 'clients.*notif*', 'clients.*', 'rebalance.*'],
    hooks: () => ({ push: (request) => (request.code === req.NOTIFY_CONSUMER_IDS_CHANGED ? 'drop' : undefined) }),
  },
  {
    name: 'clients.notification-of-another-group',
    does: 'Names another group in notifications of change.',
    breaks: 'A notification names the group that changed.',
    witnesses: ['clients.notif*', 'clients.*notif*', 'clients.*', 'rebalance.*'],
    hooks: () => ({ push: (request) => (request.code === req.NOTIFY_CONSUMER_IDS_CHANGED ? { ...request, ext: { ...request.ext, consumerGroup: 'another_group' } } : undefined) }),
  },
  {
    name: 'clients.unregister-ignored',
    does: 'Acknowledges UNREGISTER_CLIENT and forgets it.',
    breaks: 'A client that left is no member any more.',
    witnesses: ['clients.*unregister*', 'clients.*', 'rebalance.*'],
    hooks: () => pretend(req.UNREGISTER_CLIENT),
  },
  {
    name: 'clients.connection-list-empty',
    does: 'Answers the connections of consumers and producers without any.',
    breaks: 'The connection list has every member.',
    witnesses: ['clients.*connection*', 'admin.*connection*', 'clients.*', 'admin.*'],
    hooks: () => onSuccess([req.GET_CONSUMER_CONNECTION_LIST, req.GET_PRODUCER_CONNECTION_LIST], (answer) => withText(answer, /"connectionSet":\s*\[[^\]]*\]/, '"connectionSet":[]')),
  },
  {
    name: 'clients.connection-address-wrong',
    does: 'Gives another address for connected clients.',
    breaks: 'The connection list has the addresses of the clients.',
    witnesses: ['clients.*connection*', 'admin.*connection*', 'clients.*', 'admin.*'],
    hooks: () => onSuccess([req.GET_CONSUMER_CONNECTION_LIST, req.GET_PRODUCER_CONNECTION_LIST], (answer) => withText(answer, /"clientAddr":"[^"]*"/g, '"clientAddr":"10.9.8.7:6"')),
  },
  {
    name: 'clients.subscription-parse-success',
    does: 'Answers CHECK_CLIENT_CONFIG with SUCCESS, whatever it contains.',
    breaks: 'CHECK_CLIENT_CONFIG refuses an expression that cannot be read.',
    needs: ['sql92'],
    witnesses: ['clients.check-config.sql-parse-failed', 'clients.*check*', 'filter.*check*', 'sql92.*check*', 'clients.*', 'sql92.*'],
    hooks: () => onAnswer(req.CHECK_CLIENT_CONFIG, (answer) => (answer.code === 0 ? undefined : { ...answer, code: 0, remark: undefined })),
  },
]);

/** The queues a lock request names. */
function queuesIn(body: Buffer): unknown {
  try {
    return (JSON.parse(body.toString('utf8')) as { mqSet?: unknown }).mqSet ?? [];
  } catch {
    return [];
  }
}

export const rebalanceSabotages = defineSabotages('rebalance', [
  {
    name: 'rebalance.lock-given-twice',
    does: 'Grants every lock, though another client has it.',
    breaks: 'A queue is locked by one client of a group at a time.',
    witnesses: ['rebalance.*lock*', 'rebalance.*', 'order.*'],
    hooks: () => onSuccess(req.LOCK_BATCH_MQ, (answer, request) => ({ ...answer, body: Buffer.from(JSON.stringify({ lockOKMQSet: queuesIn(request.body) })) })),
  },
  {
    name: 'rebalance.lock-refused',
    does: 'Grants no lock.',
    breaks: 'A queue that is free is locked for the client that asks.',
    witnesses: ['rebalance.*lock*', 'rebalance.*', 'order.*'],
    hooks: () => onSuccess(req.LOCK_BATCH_MQ, (answer) => ({ ...answer, body: Buffer.from('{"lockOKMQSet":[]}') })),
  },
  {
    name: 'rebalance.unlock-ignored',
    does: 'Acknowledges UNLOCK_BATCH_MQ and forgets it.',
    breaks: 'A queue that was unlocked is free at once.',
    witnesses: ['rebalance.*unlock*', 'rebalance.*', 'order.*'],
    hooks: () => pretend(req.UNLOCK_BATCH_MQ),
  },
  {
    name: 'rebalance.unlock-by-anyone',
    does: 'Lets any client unlock a queue.',
    breaks: 'Only the client that has a lock can give it up.',
    witnesses: ['rebalance.*unlock*', 'rebalance.*', 'order.*'],
    hooks: () => {
      const owners = new Map<string, string>();
      const clientIn = /"clientId":\s*"([^"]*)"/;
      const groupIn = /"consumerGroup":\s*"([^"]*)"/;
      return onRequest([req.LOCK_BATCH_MQ, req.UNLOCK_BATCH_MQ], (request) => {
        const text = request.body.toString('utf8');
        const group = groupIn.exec(text)?.[1] ?? '';
        const client = clientIn.exec(text)?.[1] ?? '';
        const owner = owners.get(group);
        if (request.code === req.LOCK_BATCH_MQ) {
          if (owner === undefined) owners.set(group, client);
          return undefined;
        }
        return owner === undefined || owner === client ? undefined : withText(request, clientIn, `"clientId":"${owner}"`);
      });
    },
  },
  {
    name: 'rebalance.assignment-empty',
    does: 'Assigns no queue to anyone.',
    breaks: 'QUERY_ASSIGNMENT shares the queues among the members.',
    needs: ['assignment'],
    witnesses: ['rebalance.*assign*', 'pop.*assign*', 'rebalance.*', 'clients.*'],
    hooks: () => onSuccess(req.QUERY_ASSIGNMENT, (answer) => ({ ...answer, body: Buffer.from('{"messageQueueAssignments":[]}') })),
  },
]);
