/** Sabotage of administration. */
import { req } from '../../codes.js';
import { defineSabotages, onSuccess, pretend, withText } from '../sabotage.js';

export const adminSabotages = defineSabotages('admin', [
  {
    name: 'admin.runtime-info-empty',
    does: 'Answers the runtime information without entries.',
    breaks: 'The runtime information says what tools show.',
    witnesses: ['admin.*runtime*', 'admin.*'],
    hooks: () => onSuccess(req.GET_BROKER_RUNTIME_INFO, (answer) => ({ ...answer, body: Buffer.from('{"table":{}}') })),
  },
  {
    name: 'admin.runtime-info-misses-version',
    does: 'Leaves the version out of the runtime information.',
    breaks: 'The runtime information has the broker\'s version.',
    witnesses: ['admin.*runtime*', 'admin.*'],
    hooks: () => onSuccess(req.GET_BROKER_RUNTIME_INFO, (answer) => withText(answer, /"brokerVersionDesc":"[^"]*",?/, '')),
  },
  {
    name: 'admin.config-empty',
    does: 'Answers GET_BROKER_CONFIG without any key.',
    breaks: 'The configuration can be read.',
    needs: ['config-read'],
    witnesses: ['admin.config.read', 'admin.*config*', 'admin.*'],
    hooks: () => onSuccess(req.GET_BROKER_CONFIG, (answer) => ({ ...answer, body: Buffer.from('\n') })),
  },
  {
    name: 'admin.config-update-ignored',
    does: 'Acknowledges UPDATE_BROKER_CONFIG and forgets it.',
    breaks: 'A changed setting is in the configuration.',
    needs: ['config-write', 'config-read'],
    witnesses: ['admin.config.update', 'admin.*config*', 'admin.*'],
    alone: true,
    hooks: () => pretend(req.UPDATE_BROKER_CONFIG),
  },
  {
    name: 'admin.consume-stats-swapped',
    does: 'Exchanges the offsets of broker and consumer in consume statistics.',
    breaks: 'Consume statistics have the end of each queue and what the group has consumed.',
    witnesses: ['admin.consume-stats.lag', 'admin.*consume*', 'admin.*stat*', 'admin.*', 'offsets.*'],
    hooks: () => onSuccess(req.GET_CONSUME_STATS, (answer) => withText(answer, /"brokerOffset"|"consumerOffset"/g, (name) => (name === '"brokerOffset"' ? '"consumerOffset"' : '"brokerOffset"'))),
  },
  {
    name: 'admin.who-consumes-nobody',
    does: 'Answers that nobody consumes a topic.',
    breaks: 'The groups that consume a topic are told.',
    witnesses: ['admin.*consume*who*', 'admin.*who*', 'admin.*group*', 'admin.*', 'offsets.*', 'topics.*'],
    hooks: () => onSuccess(req.QUERY_TOPIC_CONSUME_BY_WHO, (answer) => withText(answer, /"groupList":\s*\[[^\]]*\]/, '"groupList":[]')),
  },
  {
    name: 'admin.all-offsets-empty',
    does: 'Answers GET_ALL_CONSUMER_OFFSET without offsets.',
    breaks: 'All consumer offsets can be read.',
    witnesses: ['admin.offsets.all', 'admin.*offset*', 'offsets.*all*', 'admin.*', 'offsets.*'],
    hooks: () => onSuccess(req.GET_ALL_CONSUMER_OFFSET, (answer) => ({ ...answer, body: Buffer.from('{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1},"offsetTable":{}}') })),
  },
  {
    name: 'admin.clone-ignored',
    does: 'Acknowledges CLONE_GROUP_OFFSET and does nothing.',
    breaks: 'A cloned group has the offsets of the other.',
    witnesses: ['admin.*clone*', 'offsets.*clone*', 'admin.*', 'offsets.*'],
    hooks: () => pretend(req.CLONE_GROUP_OFFSET),
  },
]);
