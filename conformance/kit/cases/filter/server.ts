/** Filter servers: what a broker that has none answers to the requests of them. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue } from '../../expect.js';
import { json } from '../../messaging.js';
import { list, object } from '../clients/support.js';

/** REGISTER_FILTER_SERVER and REGISTER_MESSAGE_FILTER_CLASS, which releases since 5.0.0 no longer name. */
const [registerFilterServer, registerFilterClass] = [301, 302];

export const cases = defineCases('filter', [
  {
    name: 'filter.server.registration-not-supported',
    requirement: 'A broker without filter servers answers REGISTER_FILTER_SERVER with REQUEST_CODE_NOT_SUPPORTED, and the route names none.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic({ route: true });
      code(await t.request(registerFilterServer, { filterServerAddr: '127.0.0.1:1' }), res.REQUEST_CODE_NOT_SUPPORTED, 'registration');
      const route = await (await t.namesrv()).request(req.GET_ROUTEINFO_BY_TOPIC, { topic });
      equal(Object.values(object(object(json(route), 'route')['filterServerTable'], 'filterServerTable')).flatMap((servers) => [...list(servers, 'filter servers')]), [], 'filter servers in the route');
    },
  },
  {
    name: 'filter.server.upload-not-supported',
    requirement: 'A broker takes no filter classes: REGISTER_MESSAGE_FILTER_CLASS with a megabyte of source is REQUEST_CODE_NOT_SUPPORTED, and the connection serves on.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    versions: { from: '5.0.0' },
    async run(t) {
      const [topic, group] = [await t.topic(), t.groupName()];
      const answer = await t.request(registerFilterClass, { consumerGroup: group, topic, className: '../../Reach', classCRC: 0 }, { body: `//${'x'.repeat(1024 * 1024)}` });
      code(answer, res.REQUEST_CODE_NOT_SUPPORTED, 'upload');
      await t.fill(topic, 3);
      isTrue((await t.pullAll(topic, 3)).length === 3, 'messages are written and read afterwards');
    },
  },
]);
