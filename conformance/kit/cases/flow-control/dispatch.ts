/** Requests that nobody serves: their code, their wording, and whose they are. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import { code, equal } from '../../expect.js';

/** REQUEST_CODE_NOT_SUPPORTED with Apache's words, which clients print. */
function notSupported(answer: Answer, requestCode: number): void {
  code(answer, res.REQUEST_CODE_NOT_SUPPORTED, `request ${requestCode}`);
  equal(answer.remark, ` request type ${requestCode} not supported`, `remark of request ${requestCode}`);
}

export const cases = defineCases('flow-control', [
  {
    name: 'flow-control.unknown-code-wording',
    requirement: 'The remark for a code that nobody serves is " request type N not supported", with a blank before it.',
    level: 'SHOULD',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      notSupported(await t.request(9999), 9999);
    },
  },
  {
    name: 'flow-control.code-of-all-bits',
    requirement: 'Codes at the ends of the 32-bit range are refused like any other that nobody serves.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      for (const requestCode of [-0x80000000, 0x7fffffff]) notSupported(await t.request(requestCode), requestCode);
    },
  },
  {
    name: 'flow-control.name-server-unknown-code',
    requirement: 'The name server refuses a code that it does not serve instead of staying silent.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#processRequest',
    versions: { from: '5.0.0' },
    async run(t) {
      notSupported(await (await t.namesrv()).request(9999), 9999);
    },
  },
  {
    name: 'flow-control.route-not-at-broker',
    requirement: 'A broker does not answer for routes: GET_ROUTEINFO_BY_TOPIC is not supported there.',
    level: 'MUST',
    source: 'BrokerController#registerProcessor',
    async run(t) {
      notSupported(await t.request(req.GET_ROUTEINFO_BY_TOPIC, { topic: t.topicName() }), req.GET_ROUTEINFO_BY_TOPIC);
    },
  },
  {
    name: 'flow-control.registration-not-at-broker',
    requirement: 'A broker takes no registrations of brokers.',
    level: 'MUST',
    source: 'BrokerController#registerProcessor',
    async run(t) {
      notSupported(await t.request(req.REGISTER_BROKER, { brokerName: t.topicName(), brokerAddr: '127.0.0.1:1', clusterName: 'c', haServerAddr: '127.0.0.1:2', brokerId: 0 }), req.REGISTER_BROKER);
    },
  },
  {
    name: 'flow-control.kv-not-at-broker',
    requirement: 'A broker keeps no KV configuration: PUT_KV_CONFIG is not supported there.',
    level: 'MUST',
    source: 'BrokerController#registerProcessor',
    async run(t) {
      notSupported(await t.request(req.PUT_KV_CONFIG, { namespace: 'n', key: 'k', value: 'v' }), req.PUT_KV_CONFIG);
    },
  },
  {
    name: 'flow-control.send-not-at-name-server',
    requirement: 'A name server takes no messages.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#processRequest',
    versions: { from: '5.0.0' },
    async run(t) {
      notSupported(await t.via(await t.namesrv()).send(t.topicName()), req.SEND_MESSAGE_V2);
    },
  },
  {
    name: 'flow-control.heartbeat-not-at-name-server',
    requirement: 'A name server takes no heartbeats of clients.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#processRequest',
    versions: { from: '5.0.0' },
    async run(t) {
      notSupported(await t.via(await t.namesrv()).heartbeat('client'), req.HEART_BEAT);
    },
  },
  {
    name: 'flow-control.broker-config-not-at-name-server',
    requirement: 'UPDATE_BROKER_CONFIG is not supported at a name server, which has a code of its own.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#processRequest',
    versions: { from: '5.0.0' },
    async run(t) {
      notSupported(await (await t.namesrv()).request(req.UPDATE_BROKER_CONFIG, {}, { body: 'maxMessageSize=1' }), req.UPDATE_BROKER_CONFIG);
    },
  },
  {
    name: 'flow-control.client-codes-refused',
    requirement: 'What a broker asks of clients it does not serve itself: CHECK_TRANSACTION_STATE, NOTIFY_CONSUMER_IDS_CHANGED and RESET_CONSUMER_CLIENT_OFFSET are not supported.',
    level: 'MUST',
    source: 'BrokerController#registerProcessor',
    async run(t) {
      for (const requestCode of [req.CHECK_TRANSACTION_STATE, req.NOTIFY_CONSUMER_IDS_CHANGED, req.RESET_CONSUMER_CLIENT_OFFSET]) notSupported(await t.request(requestCode), requestCode);
    },
  },
  {
    name: 'flow-control.response-codes-no-requests',
    requirement: 'The codes of responses are no requests: 0 and 1 are not supported.',
    level: 'MUST',
    source: 'NettyRemotingAbstract#processRequestCommand',
    async run(t) {
      for (const requestCode of [0, 1]) notSupported(await t.request(requestCode), requestCode);
    },
  },
]);
