// The page's requests, as its modules send them, to a real server.
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { createToken } from '../../src/server/access/tokens.ts';
import type { AppOptions } from '../../src/server/app.ts';
import { putSetting, readSettings } from '../../src/web/administration/settings/requests.ts';
import { changeMachines } from '../../src/web/machine/requests.ts';
import { Session } from '../../src/web/session.ts';
import { planWorkflow } from '../../src/web/workflows/requests.ts';
import { serve, type Served } from './browser.ts';

const wanted = { name: 'ops', scope: 'full' } as const;
let stored: Map<string, string>;

beforeEach(() => {
  stored = new Map();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
});

/** A tab of a server, and how often it was asked to sign in. */
async function opened(options: Partial<AppOptions> = {}) {
  const server = await serve(options);
  onTestFinished(() => server.close());
  const send = fetch;
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => send(server.url + path, init));
  const session = new Session();
  const asked = vi.fn<() => void>();
  session.onUnauthorized = asked;
  return { server, session, asked };
}

const own = ({ store }: Served) =>
  createToken(store, systemClock, { name: 'mine', scope: 'full', expiresAt: null });

test('the tab that creates the first token goes on with it', async () => {
  const { session, asked } = await opened();
  const created = await session.createToken(wanted);
  expect(created).toMatchObject({ name: 'ops', scope: 'full' });
  expect((await session.request<{ name: string }>('/api/whoami')).body.name).toBe('ops');
  expect([...stored.values()]).toEqual([created.token]);
  expect(asked).not.toHaveBeenCalled();
});

test('what it asks while the first token is created is answered', async () => {
  const { session, asked } = await opened();
  const asking = { on: true };
  const answers: Promise<unknown>[] = [];
  const ask = async (): Promise<void> => {
    while (asking.on) {
      const answer = session.request('/api/whoami');
      answers.push(answer);
      await Promise.race([answer, new Promise((resolve) => setImmediate(resolve))]);
    }
  };
  const askers = [ask(), ask()];
  await session.createToken(wanted);
  answers.push(session.request('/api/whoami'));
  asking.on = false;
  await Promise.all([...askers, ...answers]);
  expect(asked).not.toHaveBeenCalled();
});

test('the first token is given out although the server cannot be asked after it was created', async () => {
  const { session } = await opened();
  const send = fetch;
  vi.stubGlobal('fetch', (path: string, init: RequestInit) =>
    path === '/api/whoami' ? Promise.reject(new TypeError('no network')) : send(path, init),
  );
  expect((await session.createToken(wanted)).token).toMatch(/^dfo_/);
});

test('a later token does not take the place of the one in use', async () => {
  const { server, session } = await opened();
  const mine = await own(server);
  session.setToken(mine);
  await session.createToken({ name: 'watcher', scope: 'read' });
  expect([...stored.values()]).toEqual([mine]);
});

test('a refused token changes nothing and says why', async () => {
  const { session, asked } = await opened();
  const refused = session.createToken({ name: 'rack', scope: 'enrol' });
  await expect(refused).rejects.toMatchObject({ code: 'token.needs-full' });
  expect(stored.size).toBe(0);
  expect((await session.request<{ name: string }>('/api/whoami')).body.name).toBe('anyone');
  expect(asked).not.toHaveBeenCalled();
});

test('where the browser keeps no cookie, nobody is signed in and no session stays open', async () => {
  const { server, session, asked } = await opened();
  const token = await own(server);
  // Node's fetch has no cookies.
  await expect(session.signIn(token, 7)).rejects.toMatchObject({ code: 'browser.no-cookie' });
  expect(stored.size).toBe(0);
  await session.signIn(token, undefined);
  expect((await session.request('/api/sessions')).body).toEqual({ sessions: [] });
  await expect(session.signIn('dfo_none', undefined)).rejects.toMatchObject({ status: 401 });
  expect(stored.size).toBe(0);
  expect(asked).not.toHaveBeenCalled();
});

test('all settings are read, however many there are', async () => {
  const { server, session } = await opened();
  const keys = Array.from({ length: 1001 }, (_, n) => `a.${String(n)}`);
  for (const key of keys) await server.store.settings.put({ key, value: '' });
  const { settings } = await readSettings(session);
  expect(settings.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
});

test('a tab without a token is asked to sign in where somebody else created the first one', async () => {
  const { server, session, asked } = await opened({ auth: { required: true } });
  await own(server);
  await expect(session.createToken(wanted)).rejects.toMatchObject({ status: 401 });
  await expect(session.request('/api/whoami')).rejects.toMatchObject({ status: 401 });
  expect(asked).toHaveBeenCalledTimes(2);
  expect(stored.size).toBe(0);
});

test('a new setting whose key is taken says so, and changes nothing', async () => {
  const { session } = await opened();
  await putSetting(session, 'rack.note', { value: 'one' }, undefined);
  await expect(putSetting(session, 'rack.note', { value: 'two' }, undefined)).rejects.toMatchObject(
    {
      code: 'request.stale',
      message: 'There is a setting rack.note already: set it where the list has it.',
    },
  );
  expect((await readSettings(session)).settings).toMatchObject([{ value: 'one' }]);
});

test('a change that got no answer may have been made', async () => {
  const { session } = await opened();
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(session.createToken(wanted)).rejects.toThrow('may have been made');
  await expect(session.request('/api/whoami')).rejects.toThrow('cannot be reached');
  await expect(planWorkflow(session, 'a', {})).rejects.toThrow('cannot be reached');
  await expect(changeMachines(session, ['a'], { dry_run: true })).rejects.toThrow(
    'cannot be reached',
  );
  await expect(changeMachines(session, ['a'], {})).rejects.toThrow('may have been made');
});
