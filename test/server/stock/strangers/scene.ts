// A machine whose agent has no token, heard at home by a server, or by several of one store, and callers elsewhere.
import { expect } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import { openStore } from '../../../../src/store/open.ts';
import type { Store } from '../../../../src/store/store.ts';
import { imageTemplate, startServer, type TestServer } from '../../harness.ts';
import { stockBody } from '../one-machine.ts';

export const [home, elsewhere, third] = ['192.0.2.1', '198.51.100.7', '203.0.113.9'];
/** That of the server's configuration. */
export const enrolmentToken = 'of-the-configuration';
export const mac = '02:00:00:00:00:01';
export const body = stockBody(mac, home);

/** It needs no disk of the plan. */
const filesTemplate = {
  ...imageTemplate,
  metadata: { name: 'files' },
  spec: { actions: [{ action: 'writefile', path: '/etc/motd', content: 'hello' }] },
};

interface Ways {
  /** The number of the one that is asked. */
  readonly server?: number;
  readonly bearer?: string | undefined;
}

/** The answers to a caller that may see nothing of the machine's work, nor report it. */
export const closed = [403, 403, 403];

const same = (store: Store): Store => store;

/** A server, or several of one store, and a machine that is heard at home. */
export async function scene({ servers = 1, intervalSeconds = 10, wrap = same } = {}) {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const store = wrap(await openStore('memory:'));
  const token = await createToken(store, clock, { name: 'ops', scope: 'full', expiresAt: null });
  const start = () =>
    startServer({
      clock,
      store,
      auth: { stockAgents: true, enrolmentToken },
      liveness: { intervalSeconds },
    });
  const all = await Promise.all(Array.from({ length: servers }, start));
  const at = (server: number): TestServer => {
    const found = all[server];
    if (found === undefined) throw new Error(`there is no server ${server}`);
    return found;
  };
  const pass = (seconds: number): Promise<void> => clock.advance(seconds * 1000);
  // No machine may have been heard by a server before this one.
  await pass(60);
  const call = async (
    from: string,
    path: string,
    payload?: object,
    { server = 0, bearer = from === 'operator' ? token : undefined }: Ways = {},
  ) => {
    const answer = await at(server).app.inject({
      method: payload === undefined ? 'GET' : 'POST',
      url: path,
      remoteAddress: from === 'operator' ? '127.0.0.1' : from,
      headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
      ...(payload === undefined ? {} : { payload }),
    });
    const isJson = answer.headers['content-type']?.includes('json') === true;
    return {
      status: answer.statusCode,
      text: answer.body,
      body: isJson ? answer.json() : undefined,
    };
  };
  await at(0).call('PUT', '/api/templates/debian', { body: imageTemplate, token });
  await at(0).call('PUT', '/api/templates/files', { body: filesTemplate, token });
  /** The answer to a check-in from there: an action, or the code of the refusal. */
  const told = async (from: string, more: object = {}, ways: Ways = {}): Promise<string> => {
    const answer = await call(from, '/api/agent/checkin', { ...body, ...more }, ways);
    return answer.body.action ?? answer.body.code;
  };
  const { machine_id } = (await call(home, '/api/agent/checkin', body)).body;
  const order = async (template = 'debian'): Promise<string> =>
    (await call('operator', '/api/workflows', { machine_id, template, confirmed: true })).body
      .metadata.name;
  const conflicts = async () =>
    (await call('operator', '/api/conflicts?limit=1000')).body.conflicts;
  /** The answers there to those who ask for the machine's work and secrets. */
  const opens = async (from: string, id: string, ways: Ways = {}): Promise<number[]> => [
    (await call(from, `/api/workflows/${id}`, undefined, ways)).status,
    (await call(from, `/api/templates/debian?machine_id=${machine_id}`, undefined, ways)).status,
    (await call(from, `/api/workflows/${id}/events`, { type: 'started' }, ways)).status,
  ];
  /** So many rounds, in which a stranger checks in every ten seconds. */
  const rounds = async (count: number, from: string = elsewhere, more: object = {}) => {
    for (let n = 0; n < count; n += 1) {
      for (let tenth = 0; tenth < 2; tenth += 1) {
        await pass(10);
        expect(await told(from, more)).not.toBe('execute');
      }
      await pass(10);
      await told(home);
    }
  };
  const restart = async (): Promise<void> => {
    await at(0).app.close();
    all[0] = await start();
  };
  return { store, token, machine_id, call, told, order, conflicts, opens, pass, rounds, restart };
}
