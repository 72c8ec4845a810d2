import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { Events } from '../../../src/server/running/events.ts';
import { defaultLimits, Limits, type Client } from '../../../src/server/running/limits.ts';
import { Liveness } from '../../../src/server/running/liveness/liveness.ts';
import { createMetrics } from '../../../src/server/running/metrics/metrics.ts';
import { defaultLiveness } from '../../../src/server/running/liveness/pace.ts';
import type { KvRead } from '../../../src/store/kv/kv.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, startServer, wrapStore } from '../harness.ts';

function limits(policy = {}) {
  const clock = new ManualClock(new Date());
  const events = new Events('test');
  const metrics = createMetrics(new Liveness(clock, events, () => 0, defaultLiveness), events);
  return { clock, limits: new Limits({ ...defaultLimits, ...policy }, clock, metrics) };
}

function client(mac: string, more: Partial<Client> = {}): Client {
  return { mac, address: '192.0.2.1', isShared: false, isStock: false, ...more };
}

it('let a rack power on: 600 check-ins at one moment from one address, 300 of them of one machine', () => {
  const { limits: all } = limits();
  const powerOn = (): void => {
    for (let n = 0; n < 600; n += 1) {
      all.checkin(client(n < 300 ? 'the one' : `machine ${n}`), 100_000);
    }
  };
  expect(powerOn).not.toThrow();
});

it('refuse what goes on and on, and let the steady rate through', async () => {
  const { clock, limits: all } = limits();
  const ask = () => all.checkin(client('the one', { isShared: true }), 100);
  for (let n = 0; n < 400; n += 1) ask();
  expect(ask).toThrow('too much at once');
  await clock.advance(3000);
  for (let n = 0; n < 3; n += 1) ask();
  expect(ask).toThrow('too much at once');
  // Another machine is not concerned.
  all.checkin(client('another', { isShared: true }), 100);
});

it('bound the entries that machines of one address bring about in the audit log', async () => {
  const { clock, limits: all } = limits();
  const audited = (n: number, more: Partial<Client> = {}) => all.audited(`m${n}`, client('', more));
  for (let n = 0; n < 2000; n += 1) audited(n);
  expect(() => audited(2000)).toThrow('too much at once');
  audited(2001, { address: '192.0.2.2' });
  audited(2002, { isShared: true });
  await clock.advance(60_000);
  audited(2003);
  audited(2004);
  expect(() => audited(2005)).toThrow('too much at once');
});

it('bound the bytes of an address, whatever machines it speaks for', async () => {
  const { clock, limits: all } = limits({ addressBytes: { burst: 1000, perSecond: 100 } });
  const send = (n: number, bytes: number) => all.checkin(client(`m${n}`), bytes);
  send(1, 900);
  expect(() => send(2, 200)).toThrow('too much at once');
  all.checkin(client('m3', { address: '192.0.2.2' }), 200);
  await clock.advance(2000);
  send(4, 200);
});

it('hold for the agents without a boot_id of one address as well, but for the first check-in of each', () => {
  const policy = {
    machineCheckins: { burst: 3, perSecond: 0.1 },
    addressCheckins: { burst: 4, perSecond: 0.1 },
    addressBytes: { burst: 10_000, perSecond: 1 },
    addressRegistrations: { burst: 1, perSecond: 0.1 },
    addressStockRegistrations: { burst: 10, perSecond: 0.1 },
  };
  const stock = (mac: string) => client(mac, { isStock: true });
  const { limits: all } = limits(policy);
  for (let n = 0; n < 10; n += 1) {
    all.checkin(stock(`m${n}`), 100);
    all.registration(stock(`m${n}`));
  }
  for (let n = 0; n < 4; n += 1) all.checkin(stock(`m${n}`), 100);
  expect(() => all.checkin(stock('m5'), 100)).toThrow('too much at once');
  all.checkin(stock('m10'), 100);
  expect(() => all.registration(stock('m10'))).toThrow('too much at once');
  expect(() => all.checkin(stock('m11'), 10_000)).toThrow('too much at once');
});

it('hold for an IPv6 network as well, whose hosts take as many addresses as they like', () => {
  const { limits: all } = limits({ addressRegistrations: { burst: 1, perSecond: 0.01 } });
  const from = (address: string) => () => all.registration(client('m', { address }));
  for (let n = 1; n <= 10; n += 1) from(`2001:db8:1::${n.toString(16)}`)();
  // The same network in other words, and others.
  for (const same of ['2001:db8:1::b', '2001:db8:1:0:1::', '2001:db8:1:0:2:3:4:5'])
    expect(from(same)).toThrow('too much at once');
  for (const other of ['2001:db8:1:1::1', '2001:db8::1:0:0:1', '::ffff:192.0.2.7', '192.0.2.8'])
    expect(from(other)).not.toThrow();
  expect(from('192.0.2.8')).toThrow('too much at once');
});

it('of a stock agent are not used up by others who name its MAC', () => {
  const { limits: all } = limits({ machineCheckins: { burst: 3, perSecond: 0.1 } });
  const elsewhere = { address: '192.0.2.9' };
  for (const more of [elsewhere, { ...elsewhere, isStock: true }]) {
    for (let n = 0; n < 3; n += 1) all.checkin(client('the one', more), 100);
    expect(() => all.checkin(client('the one', more), 100)).toThrow('too much at once');
  }
  all.checkin(client('the one', { isStock: true }), 100);
});

it('count a registration once, however often others write in between', async () => {
  const whole = await openStore('memory:');
  let conflicts = 20;
  const store = wrapStore(whole, (name, operation) => (...args) => {
    if (name !== 'machines.put' || conflicts === 0) return operation(...args);
    conflicts -= 1;
    return Promise.reject(new AppError('store.conflict', 'somebody else wrote'));
  });
  const server = await startServer({
    store,
    limits: { addressRegistrations: { burst: 2, perSecond: 0.01 } },
  });
  const { statusCode } = await server.app.inject({
    method: 'POST',
    url: '/api/agent/checkin',
    remoteAddress: '192.0.2.1',
    headers: { host: '127.0.0.1' },
    payload: checkin(1, { boot_id: 'a' }),
  });
  expect(statusCode).toBe(200);
});

it('are forgotten for nobody who goes on asking, however many machines that one names', async () => {
  const { clock, limits: all } = limits({
    addressCheckins: { burst: 1e6, perSecond: 1 },
    addressRegistrations: { burst: 1, perSecond: 0.001 },
  });
  const register = () => all.registration(client('another'));
  register();
  for (let thousand = 0; thousand < 101; thousand += 1) {
    for (let n = 0; n < 1000; n += 1) all.checkin(client(`machine ${thousand}-${n}`), 0);
    expect(register).toThrow('too much at once');
  }
  expect(register).toThrow('too much at once');
  // A refusal costs nothing.
  await clock.advance(1_000_000);
  expect(register).not.toThrow();
});

it('bound the machines that one address can invent, and let those that are known in', async () => {
  const server = await startServer({
    limits: { addressRegistrations: { burst: 2, perSecond: 0.01 } },
  });
  // Loopback, where proxies are, is one address for everybody.
  const local = (n: number) =>
    server.call('POST', '/api/agent/checkin', { body: checkin(n, { boot_id: 'a' }) });
  for (let n = 1; n <= 4; n += 1) expect((await local(n)).status).toBe(200);
  const from = async (n: number, boot: string | null) => {
    const { statusCode, body } = await server.app.inject({
      method: 'POST',
      url: '/api/agent/checkin',
      remoteAddress: '192.0.2.1',
      headers: { host: '127.0.0.1' },
      payload: checkin(n, { boot_id: boot }),
    });
    return [statusCode, JSON.parse(body).code];
  };
  for (const n of [11, 12]) expect(await from(n, 'a')).toEqual([200, undefined]);
  expect(await from(13, 'a')).toEqual([429, 'server.limited']);
  expect(await from(12, 'a')).toEqual([200, undefined]);
  // A stock agent that is refused would wait at its console for ever.
  expect(await from(14, null)).toEqual([200, undefined]);
});

it('are told by 429 and when to come again', async () => {
  const server = await startServer({
    limits: { machineCheckins: { burst: 2, perSecond: 0.1 } },
  });
  const ask = () => server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
  const { status, body, headers } = await ask();
  expect([status, body.code]).toEqual([429, 'server.limited']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await server.call('POST', '/api/agent/checkin', { body: checkin(2) })).status).toBe(200);
});

it('bound the event streams of a token, and count those that ended no more', async () => {
  const server = await startServer({ limits: { streams: 2 } });
  const token = await createToken(server.store, systemClock, {
    name: 'page',
    scope: 'read',
    expiresAt: null,
  });
  const open = async () => {
    const leave = new AbortController();
    const { status } = await fetch(`${server.url}/api/events`, {
      headers: { authorization: `Bearer ${token}` },
      signal: leave.signal,
    });
    return { status, leave: () => leave.abort() };
  };
  const [first, second, third] = [await open(), await open(), await open()];
  expect([first.status, second.status, third.status]).toEqual([200, 200, 429]);
  first.leave();
  await expect
    .poll(async () => {
      const again = await open();
      again.leave();
      return again.status;
    })
    .toBe(200);
  second.leave();
});

it('bound all event streams and all waiting readers of logs, each by themselves', () => {
  const { limits: all } = limits({ allStreams: 2 });
  const readers = ['a', 'b'].map((name) => all.stream('log readers', [name]));
  expect(() => all.stream('log readers', ['c'])).toThrow('there are 2 log readers already');
  all.stream('event streams', ['c']);
  readers[0]?.();
  expect(() => all.stream('log readers', ['c'])).not.toThrow();
});

it('count the bytes of a check-in that comes in pieces, without a length', async () => {
  const counted: number[] = [];
  const server = await startServer({}, (_app, s) => {
    s.limits.checkin = (_sender, bytes) => void counted.push(bytes);
  });
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
  const sent = request(`${server.url}/api/agent/checkin`, { method: 'POST', headers });
  const text = JSON.stringify(checkin(1, { hostname: 'ü'.repeat(100) }));
  sent.write(text.slice(0, 100));
  sent.end(text.slice(100));
  const [answer] = await once(sent, 'response');
  answer.resume();
  expect([answer.statusCode, counted]).toEqual([200, [Buffer.byteLength(text)]]);
});

/** A store that lets its readers wait. */
class WaitingKv extends MemoryKv {
  waiting = 0;
  opened: PromiseWithResolvers<void> | undefined;

  override async read(reads: readonly KvRead[]) {
    this.waiting += 1;
    await this.opened?.promise;
    return super.read(reads);
  }
}

it('give back the place of a reader who went before the stream began', async () => {
  const kv = new WaitingKv();
  const full = await createToken(storeOver(kv), systemClock, {
    name: 'ops',
    scope: 'full',
    expiresAt: null,
  });
  const served = Promise.withResolvers<Socket>();
  const server = await startServer({ store: storeOver(kv), limits: { allStreams: 1 } });
  const authorization = `Bearer ${full}`;
  const begun = await fetch(`${server.url}/api/sessions`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: '{"days":1}',
  });
  const [cookie = ''] = (begun.headers.get('set-cookie') ?? '').split(';');
  server.app.server.once('connection', (socket: Socket) => served.resolve(socket));
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  [kv.waiting, kv.opened] = [0, Promise.withResolvers()];
  socket.write(
    `GET /api/events HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nCookie: ${cookie}\r\n\r\n`,
  );
  const theirs = await served.promise;
  await expect.poll(() => kv.waiting).toBeGreaterThan(0);
  socket.resetAndDestroy();
  await expect.poll(() => theirs.closed).toBe(true);
  kv.opened.resolve();
  kv.opened = undefined;
  // It has had its turn once another session was found.
  await fetch(`${server.url}/api/whoami`, { headers: { cookie } });
  const open = await fetch(`${server.url}/api/events`, { headers: { authorization } });
  await open.body?.cancel();
  expect(open.status).toBe(200);
});
