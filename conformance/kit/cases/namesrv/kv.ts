/** KV configuration of the name server. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, hasField, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';

/** A namespace of the case's own. */
class Space {
  readonly name: string;
  private readonly t: Context;

  constructor(t: Context, suffix = 'ns') {
    this.t = t;
    this.name = t.topicName(suffix);
  }

  async put(key: string, value: string): Promise<void> {
    this.t.cleanup(() => this.remove(key), `delete ${key}`);
    code(await (await this.t.namesrv()).request(req.PUT_KV_CONFIG, { namespace: this.name, key, value }), res.SUCCESS, `put ${key}`);
  }

  async get(key: string): Promise<Answer> {
    return (await this.t.namesrv()).request(req.GET_KV_CONFIG, { namespace: this.name, key });
  }

  async remove(key: string): Promise<Answer> {
    return (await this.t.namesrv()).request(req.DELETE_KV_CONFIG, { namespace: this.name, key });
  }

  async list(): Promise<Answer> {
    return (await this.t.namesrv()).request(req.GET_KVLIST_BY_NAMESPACE, { namespace: this.name });
  }
}

const table = (answer: Answer): Readonly<Record<string, string>> => (json(answer) as { readonly table: Readonly<Record<string, string>> }).table;

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.kv.unknown-not-found',
    requirement: 'GET_KV_CONFIG of a key that was never put is QUERY_NOT_FOUND with a remark that names namespace and key.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#getKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      const answer = await space.get('none');
      code(answer, res.QUERY_NOT_FOUND, 'get');
      equal(answer.remark, `No config item, Namespace: ${space.name} Key: none`, 'remark');
    },
  },
  {
    name: 'namesrv.kv.put-replaces',
    requirement: 'PUT_KV_CONFIG of a key that is there replaces its value.',
    level: 'MUST',
    source: 'KVConfigManager#putKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      await space.put('k', 'one');
      await space.put('k', 'two');
      hasField(await space.get('k'), 'value', 'two');
    },
  },
  {
    name: 'namesrv.kv.deleted-not-found',
    requirement: 'A key that DELETE_KV_CONFIG removed is QUERY_NOT_FOUND, and other keys of its namespace stay.',
    level: 'MUST',
    source: 'KVConfigManager#deleteKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      await space.put('k', 'one');
      await space.put('l', 'two');
      code(await space.remove('k'), res.SUCCESS, 'delete');
      code(await space.get('k'), res.QUERY_NOT_FOUND, 'get of the deleted key');
      hasField(await space.get('l'), 'value', 'two');
    },
  },
  {
    name: 'namesrv.kv.delete-unknown-succeeds',
    requirement: 'DELETE_KV_CONFIG of a key that is not there is answered SUCCESS.',
    level: 'SHOULD',
    source: 'DefaultRequestProcessor#deleteKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      code(await new Space(t).remove('none'), res.SUCCESS, 'delete');
    },
  },
  {
    name: 'namesrv.kv.namespaces-apart',
    requirement: 'The same key in two namespaces has two values.',
    level: 'MUST',
    source: 'KVConfigManager#getKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const one = new Space(t, 'one');
      const two = new Space(t, 'two');
      await one.put('k', 'first');
      await two.put('k', 'second');
      equal([(await one.get('k')).ext['value'], (await two.get('k')).ext['value']], ['first', 'second'], 'values');
    },
  },
  {
    name: 'namesrv.kv.key-missing-refused',
    requirement: 'PUT_KV_CONFIG without a key is SYSTEM_ERROR `namespace or key is null`.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#putKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const answer = await (await t.namesrv()).request(req.PUT_KV_CONFIG, { namespace: t.topicName('ns'), value: 'x' });
      code(answer, res.SYSTEM_ERROR, 'put without a key');
      remarkMatches(answer, 'namespace or key is null', 'put without a key');
    },
  },
  {
    name: 'namesrv.kv.namespace-missing-refused',
    requirement: 'PUT_KV_CONFIG without a namespace is SYSTEM_ERROR `namespace or key is null`.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#putKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const answer = await (await t.namesrv()).request(req.PUT_KV_CONFIG, { key: 'k', value: 'x' });
      code(answer, res.SYSTEM_ERROR, 'put without a namespace');
      remarkMatches(answer, 'namespace or key is null', 'put without a namespace');
    },
  },
  {
    name: 'namesrv.kv.value-kept-as-sent',
    requirement: 'A value keeps letters beyond ASCII, quotes, equals signs and semicolons.',
    level: 'MUST',
    source: 'KVConfigManager#putKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      const value = 'broker-a:4;broker-b:4 "grün" = 消息 \\';
      await space.put('k', value);
      hasField(await space.get('k'), 'value', value);
    },
  },
  {
    name: 'namesrv.kv.empty-value',
    requirement: 'An empty value is stored and answered as an empty value.',
    level: 'SHOULD',
    source: 'KVConfigManager#putKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      await space.put('k', '');
      const answer = await space.get('k');
      code(answer, res.SUCCESS, 'get');
      hasField(answer, 'value', '');
    },
  },
  {
    name: 'namesrv.kv.list-of-namespace',
    requirement: 'GET_KVLIST_BY_NAMESPACE answers all keys and values of a namespace.',
    level: 'MUST',
    source: 'KVConfigManager#getKVListByNamespace',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      await space.put('k', 'one');
      await space.put('l', 'two');
      const answer = await space.list();
      code(answer, res.SUCCESS, 'list');
      equal(table(answer), { k: 'one', l: 'two' }, 'table');
    },
  },
  {
    name: 'namesrv.kv.list-of-unknown-namespace',
    requirement: 'GET_KVLIST_BY_NAMESPACE of a namespace nothing was put into is QUERY_NOT_FOUND with a remark that names it.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#getKVListByNamespace',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      const answer = await space.list();
      code(answer, res.QUERY_NOT_FOUND, 'list');
      equal(answer.remark, `No config item, Namespace: ${space.name}`, 'remark');
    },
  },
  {
    name: 'namesrv.kv.list-after-last-deletion',
    requirement: 'A namespace whose last key was deleted is listed as an empty table.',
    level: 'MAY',
    source: 'KVConfigManager#deleteKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const space = new Space(t);
      await space.put('k', 'one');
      code(await space.remove('k'), res.SUCCESS, 'delete');
      const answer = await space.list();
      code(answer, res.SUCCESS, 'list');
      equal(table(answer), {}, 'table');
    },
  },
]);
