import { expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';

it.each(['', 'memory', 'lmdb:', 'etcd:', 'nothing:file', 'constructor:x', '__proto__:x'])(
  'a store at "%s" is refused with the URLs that there are',
  async (url) => {
    await expect(openStore(url)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(
        /^unknown store ".*": use memory: or lmdb:DIRECTORY or .*etcd:http:\/\/HOST:PORT,…/,
      ),
    });
  },
);

it.each(['ftp://host', 'host:2379', 'http://host/path', ''])(
  'an etcd endpoint "%s" is refused',
  async (endpoint) => {
    await expect(openStore(`etcd:http://127.0.0.1:2379,${endpoint}`)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining(`unknown etcd endpoint "${endpoint}"`),
    });
  },
);

it('an etcd endpoint with a password is refused, and its password not repeated', async () => {
  const url = 'etcd:http://127.0.0.1:2379,http://root:secret@host:2379';
  const message = expect.stringContaining('unknown etcd endpoint "http://…@host:2379"');
  await expect(openStore(url)).rejects.toMatchObject({ code: 'config.invalid', message });
});
