/** Whether a gRPC endpoint, asked at an address, names that address in its routes: clients that go there stay behind whatever listens on it. */
import { splitAddress, type HostPort } from '../connection.js';
import { WireLog } from '../wire-log.js';
import { GrpcChannel } from './client.js';
import { AddressScheme } from './tables.js';
import { decode, encode } from './wire.js';

/** @throws EndpointError when it is not there or does not answer. */
export async function leadsTo(address: HostPort, topic: string): Promise<boolean> {
  const own = splitAddress(address);
  if (own === undefined) return false;
  const channel = await GrpcChannel.open(address, new WireLog());
  try {
    const request = encode('QueryRouteRequest', { topic: { name: topic }, endpoints: { scheme: AddressScheme.IPv4, addresses: [own] } });
    const { messages } = await channel.call('QueryRoute', request, { headers: { 'x-mq-client-id': `${topic}-route`, 'x-mq-language': 'JAVA', 'x-mq-client-version': '5.0.7', 'x-mq-protocol': 'v2' } });
    const queues = decode('QueryRouteResponse', messages[0] ?? Buffer.alloc(0)).message_queues ?? [];
    return queues.length > 0 && queues.every((one) => one.broker?.endpoints?.addresses?.every(({ host, port }) => host === own.host && port === own.port) === true);
  } finally {
    channel.close();
  }
}
