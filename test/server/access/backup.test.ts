// The backup over HTTP: whole, for those alone who may do everything, and no burden on the server.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { AppOptions } from '../../../src/server/app.ts';
import { createToken, type NewToken } from '../../../src/server/access/tokens.ts';
import { backUp } from '../../../src/store/backup/backup.ts';
import type { KvRead } from '../../../src/store/kv/kv.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { restore } from '../../../src/store/backup/restore.ts';
import {
  checkin,
  rebootTemplate,
  startServer,
  temporaryDirectory,
  type TestServer,
} from '../harness.ts';

const mebibyte = 1024 * 1024;
/** On a busy host. */
const longest = { timeout: 20_000, interval: 5 };

/** A store that says what is read of it, and fails when told to. */
class WatchedKv extends MemoryKv {
  settingsRead = 0;
  fails = false;

  override async read(reads: readonly KvRead[]) {
    if (this.fails) throw new AppError('store.unavailable', 'cannot read the store');
    return super.read(reads);
  }

  override async *scanAll(...args: Parameters<MemoryKv['scanAll']>) {
    for await (const piece of super.scanAll(...args)) {
      if (this.fails) throw new AppError('store.unavailable', 'cannot read the store');
      this.settingsRead += piece.filter(({ key }) => key.startsWith('settings/')).length;
      yield piece;
    }
  }
}

async function prepared(options: Partial<AppOptions> = {}) {
  const kv = new WatchedKv();
  const errors: Record<string, unknown>[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: object) => errors.push({ ...fields }),
  };
  const server = await startServer({ store: storeOver(kv), log, ...options });
  // Before the first request, after which a server looks for new ones every few seconds.
  const full = await tokenOf(server, 'full');
  const enrol = await tokenOf(server, 'enrol');
  const others = [
    enrol,
    await tokenOf(server, 'read'),
    await tokenOf(server, 'operate'),
    await tokenOf(server, 'full', ['rack-1']),
  ];
  const hello = await server.call('POST', '/api/agent/checkin', {
    body: checkin(1),
    token: enrol,
  });
  await server.call('PUT', '/api/templates/restart', { body: rebootTemplate, token: full });
  return { kv, server, errors, full, others: [...others, String(hello.body.token)] };
}

function tokenOf({ store }: TestServer, scope: NewToken['scope'], tags?: readonly string[]) {
  const name = tags === undefined ? scope : `${scope}-of-tags`;
  return createToken(store, systemClock, { name, scope, expiresAt: null, ...(tags && { tags }) });
}

/** Stores many settings of 64 KiB, or another size. */
async function fill(kv: WatchedKv, count: number, chars = 64 * 1024): Promise<void> {
  const value = 'x'.repeat(chars);
  for (let n = 0; n < count; n += 1) {
    const key = `n${String(n).padStart(4, '0')}`;
    await kv.commit([], [{ key: `settings/${key}`, value: JSON.stringify({ key, value }) }]);
  }
}

/** Asks for a backup and reads nothing of it. `seen`: the settings that were read before the server stopped. */
async function stalledReader(kv: WatchedKv, { url }: TestServer, token: string) {
  kv.settingsRead = 0;
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write(
    `GET /api/backup HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  let seen = -1;
  while (kv.settingsRead === 0 || seen !== kv.settingsRead) {
    seen = kv.settingsRead;
    await sleep(50);
  }
  return { socket, seen };
}

async function backupOf({ url }: TestServer, token: string, query = ''): Promise<string> {
  const response = await fetch(`${url}/api/backup${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect([response.status, response.headers.get('content-disposition')]).toEqual([
    200,
    expect.stringMatching(/^attachment; filename="dragonfly-\d{4}-\d\d-\d\d\.backup"$/),
  ]);
  return response.text();
}

it('is what the command writes, and is restored', async () => {
  const { kv, server, full } = await prepared();
  const directory = temporaryDirectory();
  for (const dialect of [undefined, 'dragonfly'] as const) {
    const file = join(directory, dialect ?? 'own');
    const text = await backupOf(server, full, dialect && `?dialect=${dialect}`);
    await backUp(kv, file, { dialect });
    expect(text).toBe(readFileSync(file, 'utf8'));
  }
  writeFileSync(join(directory, 'fetched'), await backupOf(server, full));
  expect(await restore(new MemoryKv(), join(directory, 'fetched'))).toBeGreaterThan(2);
});

it('is for full tokens alone, and the audit log says whose', async () => {
  const { server, full, others } = await prepared();
  for (const token of [...others, undefined, 'dfo_no'])
    expect((await server.call('GET', '/api/backup', { token })).status).toBeOneOf([401, 403]);
  expect((await server.call('GET', '/api/backup?dialekt=x', { token: full })).status).toBe(422);
  await backupOf(server, full);
  const { body } = await server.call('GET', '/api/audit?action=backup', { token: full });
  expect(body.entries).toMatchObject([{ by: 'full', from: '127.0.0.1', action: 'backup.get' }]);
});

it('names in the log what is not in it, and is never whole where the store fails', async () => {
  const { kv, server, errors, full } = await prepared();
  await kv.commit([], [{ key: 'settings/odd', value: '<html>' }]);
  const text = await backupOf(server, full);
  expect(text).not.toContain('<html>');
  expect(errors).toMatchObject([{ record: 'settings/odd' }]);
  const fetched = fetch(`${server.url}/api/backup`, {
    headers: { authorization: `Bearer ${full}` },
  }).then((response) => {
    kv.fails = true;
    return response.text();
  });
  // All of so little may be on its way before the store fails.
  const whole = await fetched.catch(() => 'broken off');
  kv.fails = false;
  expect(whole).toBeOneOf(['broken off', text]);
});

it('does not wait for a reader that takes hardly any of it', async () => {
  const clock = new ManualClock(new Date());
  const { kv, server, full, errors } = await prepared({ clock });
  await fill(kv, 1000);
  const { socket, seen } = await stalledReader(kv, server, full);
  await clock.advance(119_000);
  const second = await server.call('GET', '/api/backup', { token: full });
  expect([second.status, second.body.code]).toEqual([503, 'server.busy']);
  // A little every minute is no progress.
  const closed = once(socket, 'close');
  await clock.advance(241_000);
  socket.resume();
  await closed;
  expect(kv.settingsRead).toBeLessThan(seen + 100);
  expect(errors).toMatchObject([{ error: 'its reader takes hardly any of it' }]);
  expect(await backupOf(server, full)).toContain('n0999');
});

it('goes on for a slow reader, however much the store gives at once', async () => {
  const clock = new ManualClock(new Date());
  const { kv, server, full, errors } = await prepared({ clock });
  await fill(kv, 40, mebibyte);
  const accepted = once(server.app.server, 'connection');
  const { socket, seen } = await stalledReader(kv, server, full);
  expect(seen).toBeGreaterThanOrEqual(40);
  const [ofServer]: Socket[] = await accepted;
  let [received, pauseAt] = [0, 0];
  let end = '';
  socket.on('data', (piece: Buffer) => {
    received += piece.length;
    end = `${end}${piece.toString('latin1')}`.slice(-200);
    if (received >= pauseAt) socket.pause();
  });
  for (let step = 0; step < 5; step += 1) {
    const before = ofServer?.bytesWritten ?? 0;
    pauseAt = received + 3 * mebibyte;
    socket.resume();
    // More goes into what the system buffers.
    await expect.poll(() => ofServer?.bytesWritten, longest).toBeGreaterThan(before + mebibyte);
    await clock.advance(120_000);
  }
  pauseAt = Infinity;
  socket.resume();
  await expect.poll(() => end, longest).toMatch(/"sha256":"\w+"\}\s+0\s+$/);
  expect([errors, received > 40 * mebibyte]).toEqual([[], true]);
  socket.destroy();
});

it('ends with the token that it was asked for with', async () => {
  const clock = new ManualClock(new Date());
  const { kv, server, full, errors } = await prepared({ clock });
  await fill(kv, 300);
  const doomed = { name: 'doomed', scope: 'full', expiresAt: null } as const;
  const token = await createToken(server.store, clock, doomed);
  await clock.advance(5000);
  const { socket } = await stalledReader(kv, server, token);
  await server.call('DELETE', '/api/tokens/doomed', { token: full });
  await clock.advance(5000);
  const closed = once(socket, 'close');
  socket.resume();
  await closed;
  expect(errors).toMatchObject([{ error: 'the token ended while the answer went out' }]);
});

it('goes out as fast as it is read, one at a time, and ends with its reader', async () => {
  const { kv, server, full } = await prepared();
  const count = 1000;
  await fill(kv, count);
  const { socket, seen } = await stalledReader(kv, server, full);
  expect(seen).toBeLessThan(count / 2);
  const second = await server.call('GET', '/api/backup', { token: full });
  expect([second.status, second.body.code]).toEqual([503, 'server.busy']);
  socket.destroy();
  let text = '';
  while (text === '') {
    const response = await server.call('GET', '/api/backup', { token: full });
    if (response.status === 200) text = String(response.body);
    else await sleep(20);
  }
  expect(text.split('\n').length).toBeGreaterThan(count);
});
