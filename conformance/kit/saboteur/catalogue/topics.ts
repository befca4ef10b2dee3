/** Sabotage of topics and subscription groups. */
import { req, res } from '../../codes.js';
import { answerTo, defineSabotages, onAnswer, onRequest, onSuccess, pretend, sends, withExt, withText } from '../sabotage.js';

export const topicSabotages = defineSabotages('topics', [
  {
    name: 'topics.create-ignored',
    does: 'Acknowledges the creation of a topic and forgets it.',
    breaks: 'A created topic is there.',
    needs: ['admin'],
    witnesses: ['topics.*', 'send.queue-offsets-consecutive'],
    hooks: () => pretend(req.UPDATE_AND_CREATE_TOPIC),
  },
  {
    name: 'topics.bad-name-accepted',
    does: 'Answers the creation of a topic with an impossible name with SUCCESS.',
    breaks: 'Topic names are checked.',
    needs: ['admin'],
    witnesses: ['topics.create.bad-characters-refused', 'topics.*'],
    hooks: () => onAnswer(req.UPDATE_AND_CREATE_TOPIC, (answer) => (answer.code === 0 ? undefined : { ...answer, code: 0, remark: undefined })),
  },
  {
    name: 'topics.delete-ignored',
    does: 'Acknowledges the deletion of a topic and forgets it.',
    breaks: 'A deleted topic is gone.',
    needs: ['admin'],
    witnesses: ['topics.delete.gone-after', 'topics.*'],
    hooks: () => pretend(req.DELETE_TOPIC_IN_BROKER),
  },
  {
    name: 'topics.update-ignored',
    does: 'Acknowledges the second and later UPDATE_AND_CREATE_TOPIC of a topic and forgets them.',
    breaks: 'A topic\'s configuration can be changed.',
    needs: ['admin'],
    witnesses: ['topics.*update*', 'topics.*', 'namesrv.*'],
    hooks: () => {
      const seen = new Set<string>();
      return onRequest(req.UPDATE_AND_CREATE_TOPIC, (request, link) => {
        const topic = request.ext['topic'] ?? '';
        if (!seen.has(topic)) {
          seen.add(topic);
          return undefined;
        }
        link.toClient(answerTo(request, 0));
        return 'drop';
      });
    },
  },
  {
    name: 'topics.one-queue-less',
    does: 'Creates topics with one write queue less than asked for.',
    breaks: 'A topic has the number of queues it was created with.',
    needs: ['admin'],
    witnesses: ['namesrv.route.created-topic', 'topics.*'],
    hooks: () => onRequest(req.UPDATE_AND_CREATE_TOPIC, (request) => {
      const queues = Number(request.ext['writeQueueNums']);
      return queues > 1 ? withExt(request, { writeQueueNums: queues - 1 }) : undefined;
    }),
  },
  {
    name: 'topics.perm-ignored',
    does: 'Creates every topic with permission 6.',
    breaks: 'A topic has the permission it was created with.',
    needs: ['admin'],
    witnesses: ['send.*perm*', 'pull.*perm*', 'topics.*perm*', 'topics.*', 'send.*', 'pull.*'],
    hooks: () => onRequest(req.UPDATE_AND_CREATE_TOPIC, (request) => (request.ext['perm'] === '6' ? undefined : withExt(request, { perm: 6 }))),
  },
  {
    name: 'topics.statistics-off-by-one',
    does: 'Counts one message too many in the statistics of a topic.',
    breaks: 'The statistics of a topic have the offsets of its queues.',
    witnesses: ['admin.topic-stats.offsets-of-queues', 'topics.*stat*', 'admin.*stat*', 'topics.*', 'admin.*'],
    hooks: () => onSuccess(req.GET_TOPIC_STATS_INFO, (answer) => withText(answer, /"maxOffset":(\d+)/g, (_all, offset) => `"maxOffset":${Number(offset) + 1}`)),
  },
  {
    name: 'topics.statistics-of-nothing',
    does: 'Answers the statistics of a topic that is not there with SUCCESS.',
    breaks: 'The statistics of an unknown topic are TOPIC_NOT_EXIST.',
    witnesses: ['topics.delete.gone-after', 'topics.*', 'admin.*'],
    hooks: () => onAnswer(req.GET_TOPIC_STATS_INFO, (answer) => (answer.code === res.TOPIC_NOT_EXIST ? { ...answer, code: 0, remark: undefined, body: Buffer.from('{"offsetTable":{}}') } : undefined)),
  },
  {
    name: 'topics.config-list-empty',
    does: 'Answers GET_ALL_TOPIC_CONFIG without topics.',
    breaks: 'The configuration of every topic is in the list.',
    witnesses: ['topics.*config*', 'admin.*config*', 'topics.*', 'admin.*'],
    hooks: () => onSuccess(req.GET_ALL_TOPIC_CONFIG, (answer) => ({ ...answer, body: Buffer.from('{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1},"topicConfigTable":{}}') })),
  },
  {
    name: 'topics.config-of-another',
    does: 'Answers GET_TOPIC_CONFIG with eight queues, whatever the topic has.',
    breaks: 'The configuration of a topic is its own.',
    witnesses: ['topics.get.one', 'topics.*config*', 'admin.*config*', 'topics.*', 'admin.*'],
    hooks: () => onSuccess(req.GET_TOPIC_CONFIG, (answer) => withText(answer, /"(read|write)QueueNums":\d+/g, (_all, which) => `"${which ?? ''}QueueNums":8`)),
  },
  {
    name: 'topics.auto-create-ignored',
    does: 'Refuses the send to a topic that it should create by itself.',
    breaks: 'A send to an unknown topic creates it, where that is switched on.',
    needs: ['auto-create-topic'],
    witnesses: ['send.*auto*', 'topics.*auto*', 'send.*', 'topics.*'],
    hooks: () => {
      const known = new Set<string>();
      return {
        request: (request, link) => {
          if (request.code === req.UPDATE_AND_CREATE_TOPIC) known.add(request.ext['topic'] ?? '');
          const topic = request.ext['b'] ?? request.ext['topic'] ?? '';
          if (!sends.includes(request.code) || known.has(topic) || topic.startsWith('%')) return undefined;
          link.toClient(answerTo(request, res.TOPIC_NOT_EXIST, { remark: `topic[${topic}] not exist` }));
          return 'drop';
        },
      };
    },
  },
]);

export const groupSabotages = defineSabotages('groups', [
  {
    name: 'groups.create-ignored',
    does: 'Acknowledges the creation of a subscription group and forgets it.',
    breaks: 'A created group is there, with its settings.',
    needs: ['admin'],
    witnesses: ['groups.*', 'admin.*group*', 'pull.*group*', 'retry.*', 'admin.*'],
    hooks: () => pretend([req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST]),
  },
  {
    name: 'groups.delete-ignored',
    does: 'Acknowledges the deletion of a group and forgets it.',
    breaks: 'A deleted group is gone.',
    needs: ['admin'],
    witnesses: ['groups.*delete*', 'groups.*', 'admin.*group*', 'admin.*', 'offsets.*delete*'],
    hooks: () => pretend(req.DELETE_SUBSCRIPTIONGROUP),
  },
  {
    name: 'groups.consume-enable-ignored',
    does: 'Creates every group with consumption switched on.',
    breaks: 'A group that may not consume gets nothing.',
    needs: ['admin'],
    witnesses: ['groups.*consume*', 'groups.*', 'pull.*consume*', 'pull.*group*', 'pull.*', 'pop.*'],
    hooks: () => onRequest(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, (request) => withText(request, /"consumeEnable":\s*false/, '"consumeEnable":true')),
  },
  {
    name: 'groups.config-default',
    does: 'Answers the configuration of a group with 16 retries, whatever it has.',
    breaks: 'The configuration of a group is its own.',
    witnesses: ['groups.*config*', 'groups.*', 'admin.*group*', 'admin.*'],
    hooks: () => onSuccess([req.GET_SUBSCRIPTIONGROUP_CONFIG, req.GET_ALL_SUBSCRIPTIONGROUP_CONFIG], (answer) => withText(answer, /"(retryMaxTimes|retryQueueNums)":\d+/g, (_all, name) => `"${name ?? ''}":16`)),
  },
]);
