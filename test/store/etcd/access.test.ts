// etcd behind TLS, client certificates, users and DNS: real etcd, certificates made here.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { describeError } from '../../../src/core/errors.ts';
import { readAccess, type EtcdAccessFiles } from '../../../src/store/etcd/etcd-access.ts';
import { EtcdKv } from '../../../src/store/etcd/etcd.ts';
import { openStore } from '../../../src/store/open.ts';
import { temporaryDirectory } from '../backends.ts';
import { EtcdCluster, etcdProgram } from './etcd-server.ts';

const isMissing = etcdProgram === undefined || spawnSync('openssl', ['version']).status !== 0;

function openssl(line: string): void {
  execFileSync('openssl', line.split(' '), { stdio: 'ignore' });
}

/** Makes a CA in `directory`, and what it signed for the members and for a client. */
function makeCertificates(directory: string, run: string): void {
  const at = (name: string): string => join(directory, name);
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  openssl(
    `req -x509 ${newKey} -days 2 -subj /CN=ca-${run} -keyout ${at('ca.key')} -out ${at('ca.crt')}`,
  );
  for (const name of ['member', 'client']) {
    // The member's gateway is a client of the member. A name in it would be taken for a user's.
    const subject = name === 'member' ? `/O=${run}` : `/O=${run}-client`;
    openssl(
      `req -x509 ${newKey} -days 2 -subj ${subject} -addext subjectAltName=IP:127.0.0.1 -addext extendedKeyUsage=serverAuth,clientAuth -CA ${at('ca.crt')} -CAkey ${at('ca.key')} -keyout ${at(`${name}.key`)} -out ${at(`${name}.crt`)}`,
    );
  }
}

const root = { name: 'root', password: 'secret of root' };

/** An etcd that demands certificates and a user. */
async function closedEtcd(directory: string): Promise<EtcdCluster> {
  const at = (name: string): string => join(directory, name);
  const text = (name: string): string => readFileSync(at(name), 'utf8');
  const etcd = await EtcdCluster.start(
    1,
    [
      '--unsafe-no-fsync',
      '--client-cert-auth',
      `--trusted-ca-file=${at('ca.crt')}`,
      `--cert-file=${at('member.crt')}`,
      `--key-file=${at('member.key')}`,
    ],
    () => ({ ca: text('ca.crt'), cert: text('client.crt'), key: text('client.key') }),
  );
  onTestFinished(async () => etcd.stop());
  const base64 = (key: string): string => Buffer.from(key).toString('base64');
  await etcd.call('/v3/auth/user/add', root);
  await etcd.call('/v3/auth/user/grant', { user: 'root', role: 'root' });
  await etcd.call('/v3/auth/user/add', { name: 'dragonfly', password: 'first' });
  await etcd.call('/v3/auth/role/add', { name: 'machines' });
  await etcd.call('/v3/auth/role/grant', {
    name: 'machines',
    perm: { permType: 'READWRITE', key: base64('dragonfly/'), range_end: base64('dragonfly0') },
  });
  await etcd.call('/v3/auth/user/grant', { user: 'dragonfly', role: 'machines' });
  await etcd.call('/v3/auth/enable', {});
  return etcd;
}

async function asRoot(etcd: EtcdCluster, path: string, body: object): Promise<void> {
  const { token } = Object(await etcd.call('/v3/auth/authenticate', root));
  const answer = await etcd.call(path, body, undefined, String(token));
  expect(answer).not.toHaveProperty('error');
}

function kvWith(etcd: EtcdCluster, files: EtcdAccessFiles, giveUpAfterMs = 20_000): EtcdKv {
  const kv = new EtcdKv(etcd.url.slice('etcd:'.length).split(','), {
    clock: systemClock,
    random: Math.random,
    newId: String,
    giveUpAfterMs,
    access: () => readAccess(files),
  });
  onTestFinished(async () => kv.close());
  return kv;
}

describe.skipIf(isMissing)('etcd with TLS and users (needs etcd-server and openssl)', () => {
  it('lets in who has CA, certificate, user and password, and takes up renewed ones', async () => {
    const directory = temporaryDirectory();
    const at = (name: string): string => join(directory, name);
    makeCertificates(directory, 'one');
    writeFileSync(at('password'), 'first\n');
    const etcd = await closedEtcd(directory);
    const files = {
      cacert: at('ca.crt'),
      cert: at('client.crt'),
      key: at('client.key'),
      user: 'dragonfly',
      passwordFile: at('password'),
    };
    const store = await openStore(etcd.url, { etcd: files });
    onTestFinished(async () => store.close());
    const heard: string[] = [];
    const stop = new AbortController();
    await store.watch((change) => heard.push(change?.id ?? 'reset'), stop.signal);
    await store.settings.put({ key: 'a', value: '1' });
    expect((await store.settings.get('a'))?.value.value).toBe('1');

    for (const [lacks, says] of [
      ['user', 'give --etcd-user and --etcd-password-file'],
      ['cert', 'does not answer'],
      ['cacert', 'certificate'],
    ] as const) {
      const some: EtcdAccessFiles = {
        ...files,
        [lacks]: undefined,
        ...(lacks === 'user' ? { passwordFile: undefined } : {}),
        ...(lacks === 'cert' ? { key: undefined } : {}),
      };
      const err: unknown = await kvWith(etcd, some, 300)
        .read([{ key: 'a' }])
        .catch((caught: unknown) => caught);
      expect(err).toMatchObject({ code: 'store.unavailable' });
      expect(describeError(err)).toContain(says);
    }
    const wrong = kvWith(etcd, { ...files, passwordFile: undefined, password: 'wrong' });
    await expect(wrong.read([{ key: 'a' }])).rejects.toMatchObject({ code: 'store.unavailable' });

    // The password is changed, which ends every token of its user.
    await asRoot(etcd, '/v3/auth/user/changepw', { name: 'dragonfly', password: 'second' });
    writeFileSync(at('password'), 'second\n');
    await put(store, { key: 'b', value: '2' });

    // Another CA, for members and clients.
    await etcd.restart(0, { between: () => makeCertificates(directory, 'two') });
    await put(store, { key: 'c', value: '3' });
    const other = await openStore(etcd.url, { etcd: files });
    onTestFinished(async () => other.close());
    await other.settings.put({ key: 'd', value: '4' });
    for (let n = 0; n < 1000 && !heard.includes('d'); n += 1) await sleep(20);
    expect(heard).toContain('d');
    stop.abort();
  });
});

/** Writes as soon as the renewed files are taken up. */
async function put(
  store: Awaited<ReturnType<typeof openStore>>,
  setting: { key: string; value: string },
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await store.settings.put(setting);
      return;
    } catch (err) {
      if (attempt === 100) throw err;
      await sleep(200);
    }
  }
}

describe('the way in to etcd', () => {
  it('is refused where half of it is given, or a file is missing', () => {
    const code = { code: 'config.invalid' };
    for (const files of [
      { cert: 'a' },
      { key: 'a' },
      { user: 'a' },
      { password: 'a' },
      { cacert: '/none' },
    ]) {
      expect(() => readAccess(files)).toThrow(expect.objectContaining(code));
    }
  });

  it.skipIf(etcdProgram === undefined)(
    'is found by SRV records, with TLS before those without; a user is refused where there are none',
    async () => {
      const etcd = await EtcdCluster.start(1, ['--unsafe-no-fsync']);
      onTestFinished(async () => etcd.stop());
      const port = Number(new URL(etcd.url.slice('etcd:'.length)).port);
      const asked: string[] = [];
      const store = await openStore('etcd:srv:example.test', {
        async lookUpService(name) {
          asked.push(name);
          if (name.startsWith('_etcd-client-ssl')) {
            throw Object.assign(new Error('none'), { code: 'ENOTFOUND' });
          }
          return [{ name: '127.0.0.1', port }];
        },
      });
      await store.settings.put({ key: 'a', value: '1' });
      await store.close();
      expect(asked).toEqual([
        '_etcd-client-ssl._tcp.example.test',
        '_etcd-client._tcp.example.test',
      ]);
      const access = { user: 'a', password: 'b' };
      await expect(openStore(etcd.url, { etcd: access })).rejects.toMatchObject({
        code: 'store.unavailable',
        message: expect.stringContaining('leave out --etcd-user'),
      });
      const nobody = { lookUpService: async () => [] };
      await expect(openStore('etcd:srv:example.test', nobody)).rejects.toMatchObject({
        code: 'store.unavailable',
      });
    },
  );
});
