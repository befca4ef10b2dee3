/** What client libraries are known to do otherwise; `endpoint` is the name of the client, `issue` the sentence that says what it does. */
import type { KnownFailure } from '../known-failures.js';

function known(client: string, issue: string, cases: readonly string[]): KnownFailure[] {
  return cases.map((name) => ({ endpoint: client, case: `client.${name}`, issue }));
}

export const clientKnownFailures: readonly KnownFailure[] = [
  ...known('java-4.9.8', 'SYSTEM_BUSY is not among the codes after which 4.9 tries again (in 5.x it is)', ['failure.busy-retried', 'failure.busy-other-broker']),
  ...known('java-4.9.8', 'GO_AWAY is a code of 5.x: 4.9 takes it for any failure', ['failure.go-away-resent']),
  ...known('java-4.9.8', 'a send whose connection closes is waited for until sendMsgTimeout, which leaves no time for another try', ['failure.cut-resent']),
  ...known('go', 'InvokeOneWay writes the request as it is: the one-way bit of the flag is never set', ['send.oneway-flag']),
  ...known('go', 'elements of a batch are encoded without a UNIQ_KEY', ['batch.uniq-keys']),
  ...known('go', 'an answer other than SUCCESS ends the send with an error; only failed invocations are tried again', ['failure.busy-retried', 'failure.busy-other-broker', 'failure.go-away-resent']),
  ...known('go', 'requests with a code it does not know are dropped without an answer', ['frames.unknown-request-answered']),
  ...known('go', 'Shutdown of a consumer does not send UNREGISTER_CLIENT', ['rebalance.unregisters', 'rebalance.commits-before-unregister']),
  ...known('ali-ons', 'messages are sent without a UNIQ_KEY', ['send.uniq-key-present', 'send.uniq-key-unique']),
  ...known('ali-ons', 'an answer other than SUCCESS ends the send with an error', ['failure.busy-retried', 'failure.busy-other-broker', 'failure.go-away-resent']),
  ...known('ali-ons', 'a send whose connection closes is not tried again', ['failure.cut-resent']),
  ...known('ali-ons', 'numbers stand as JSON numbers in extFields', ['frames.fields-are-strings']),
  ...known('ali-ons', 'requests of the broker that it does not know are dropped without an answer', ['frames.unknown-request-answered']),
  ...known('ali-ons', 'NOTIFY_CONSUMER_IDS_CHANGED is ignored: it rebalances by its own clock only', ['rebalance.notified']),
];
