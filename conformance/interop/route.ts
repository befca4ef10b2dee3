/** Waiting for name servers: brokers register what is new behind their answers. */
import { RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';

/** Waits until the name server, an address or a client of it, has a route for the topic. */
export async function routed(namesrv: string | RawClient, topic: string, patienceMs: number): Promise<void> {
  const client = typeof namesrv === 'string' ? await RawClient.connect(namesrv) : namesrv;
  try {
    await eventually(`the name server knows ${topic}`, patienceMs, async () => ((await client.hasRoute(topic)) ? [] : ['no route']));
  } finally {
    if (client !== namesrv) client.close();
  }
}
