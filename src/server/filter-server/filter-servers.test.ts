import { afterEach, describe, expect, test } from '@jest/globals';
import { Composed, Peer } from '../broker/testdata/composed.js';

let c: Composed;
afterEach(async () => { await c.stop(); });

const tick = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const told = (): string[][] => c.toNamesrv.splice(0).map(({ request }) => (JSON.parse(String(request.body)) as { filterServerList: string[] }).filterServerList);

describe('filter servers of a broker', () => {
  test('are told to the name servers as they come and go', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876', filterServerEnable: 'true' });
    await c.broker.start();
    expect(told()).toEqual([[]]);
    const [one, two] = [new Peer(71), new Peer(72)];
    const register = async (peer: Peer, address: string): Promise<unknown> => {
      const answer = await c.ask('REGISTER_FILTER_SERVER', { ext: { filterServerAddr: address }, peer });
      await tick();
      return [answer.code, answer.header];
    };
    expect(await register(one, '10.0.0.1:30001')).toEqual([0, { brokerName: 'broker-a', brokerId: 0n }]);
    await register(two, '10.0.0.2:30002');
    await register(two, '10.0.0.9:30009');
    expect(told()).toEqual([['10.0.0.1:30001'], ['10.0.0.1:30001', '10.0.0.2:30002']]);
    // A topic that is registered alone does not take them away.
    await c.send('New');
    c.clock.advance(0);
    await tick();
    expect(told()).toEqual([['10.0.0.1:30001', '10.0.0.2:30002']]);
    two.close();
    await tick();
    expect(told()).toEqual([['10.0.0.1:30001']]);
  });

  test('that are silent for thirty seconds are dropped and closed', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876', filterServerEnable: 'true' });
    await c.broker.start();
    const [silent, lives] = [new Peer(71), new Peer(72)];
    for (const peer of [silent, lives]) await c.ask('REGISTER_FILTER_SERVER', { ext: { filterServerAddr: `10.0.0.${peer.id}:1` }, peer });
    c.clock.advance(20_000);
    await c.ask('REGISTER_FILTER_SERVER', { ext: { filterServerAddr: '10.0.0.72:1' }, peer: lives });
    c.clock.advance(10_000);
    await tick();
    told();
    expect([silent.open, lives.open]).toEqual([true, true]);
    c.clock.advance(10_000);
    await tick();
    expect([silent.open, lives.open]).toEqual([false, true]);
    expect(told().at(-1)).toEqual(['10.0.0.72:1']);
  });

  test('are refused beyond the most a broker takes', async () => {
    c = await Composed.open({ filterServerNums: '1' });
    await c.broker.start();
    const codes: number[] = [];
    for (let i = 0; i < 65; i++) codes.push((await c.ask('REGISTER_FILTER_SERVER', { ext: { filterServerAddr: `10.0.0.1:${i + 1}` }, peer: new Peer(100 + i) })).code);
    expect([codes.filter((code) => code === 0).length, codes.at(-1)]).toEqual([64, 1]);
  });
});
