import { expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';

it.each([
  '',
  'memory',
  'lmdb:',
  'etcd:',
  'nothing:file',
  'constructor:x',
  '__proto__:x',
  'memory:data',
])('a store at "%s" is refused with the URLs that there are', async (url) => {
  await expect(openStore(url)).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringMatching(
      /^unknown store ".*": use memory: or lmdb:DIRECTORY or .*etcd:http:\/\/HOST:PORT,…/,
    ),
  });
});

it.each(['ftp://host', 'host:2379', 'http://host/path', ''])(
  'an etcd endpoint "%s" is refused',
  async (endpoint) => {
    await expect(openStore(`etcd:http://127.0.0.1:2379,${endpoint}`)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining(`unknown etcd endpoint "${endpoint}"`),
    });
  },
);

it.each([
  ['etcd:http://127.0.0.1:2379,http://root:secret@host:2379', 'http://…@host:2379'],
  ['etcd:http://root:sec/ret@host:2379', 'http://…@host:2379'],
  ['etcd:http://root:secret,more@host:2379', 'http://…@host:2379'],
  ['etcd:root:secret@host:2379', '…@host:2379'],
  ['etcd:http://:secret@host:2379', 'http://…@host:2379'],
  ['postgres://root:secret@host/db', 'postgres://…@host/db'],
])('the password in %s is refused, and not repeated', async (url, shown) => {
  const err = await openStore(url).catch((cause: unknown) => cause);
  const message = expect.stringContaining(`"${shown}": use `);
  expect(err).toMatchObject({ code: 'config.invalid', message });
  expect(String(err)).not.toContain('sec');
});

it('a look-up of members with TLS that fails is not taken for there being none', async () => {
  const asked: string[] = [];
  const refused = openStore('etcd:srv:example.test', {
    async lookUpService(name) {
      asked.push(name);
      throw Object.assign(new Error('no answer'), { code: 'ETIMEOUT' });
    },
  });
  await expect(refused).rejects.toMatchObject({ code: 'store.unavailable' });
  expect(asked).toEqual(['_etcd-client-ssl._tcp.example.test']);
});
