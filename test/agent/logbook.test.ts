import { describe, expect, it, onTestFinished } from 'vitest';
import { Logbook } from '../../src/agent/logbook.ts';
import { ManualClock, systemClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { readLogs } from '../../src/server/running/machine-logs.ts';
import { HttpTransport } from '../../src/transport/transport.ts';
import { MemoryRoot } from '../probes/memory-root.ts';
import { startServer } from './server.ts';
import { bootOn, machine, MemoryServer, startLoop } from '../transport/memory-server.ts';

/** Long enough for what is sent soon. */
async function soon(clock: ManualClock): Promise<void> {
  await clock.advance(0);
  await clock.advance(1_000);
}

function open(files: Record<string, string> = {}) {
  const clock = new ManualClock(new Date());
  const root = Object.assign(MemoryRoot.of({}), { text: async (path: string) => files[path] });
  const server = new MemoryServer();
  const logbook = new Logbook({ root, boot: bootOn(clock), clock });
  const stop = new AbortController();
  const ended = logbook.run(server, stop.signal);
  const heard = (hasCheckedIn = true): void =>
    logbook.heard({ machineId: 'm1', token: 't1' }, hasCheckedIn);
  const texts = () => server.logs.flatMap(({ lines }) => lines.map(({ text }) => text));
  return {
    clock,
    files,
    server,
    logbook,
    heard,
    texts,
    end: async () => {
      stop.abort();
      await ended;
    },
  };
}

describe('the logbook', () => {
  it('sends what came before the check-in with its age, and later lines soon', async () => {
    const { clock, server, logbook, heard, texts, end } = open({
      '/run/dragonfly/boot.log': '[1.50] image 0.2.0\n[3.00] eth0 has a link\n',
    });
    await clock.advance(5_000);
    logbook.add('agent', 'checked in', 'info');
    await clock.advance(60_000);
    expect(server.logs).toEqual([]);
    heard();
    await soon(clock);
    expect(server.logs).toEqual([
      {
        machine_id: 'm1',
        boot_id: 'boot',
        stream: 'boot',
        first: 0,
        lines: [
          { age_ms: 64_500, source: 'boot', text: 'image 0.2.0' },
          { age_ms: 63_000, source: 'boot', text: 'eth0 has a link' },
        ],
      },
      {
        machine_id: 'm1',
        boot_id: 'boot',
        stream: 'agent-0',
        first: 0,
        lines: [{ age_ms: 61_000, source: 'agent', level: 'info', text: 'checked in' }],
      },
    ]);
    logbook.add('action', 'partition begins');
    await soon(clock);
    expect(server.logs[2]).toMatchObject({ first: 1, stream: 'agent-0' });
    expect(texts()).toHaveLength(4);
    await end();
  });

  it('sends lines of the boot as they come, numbered on where the file was cut', async () => {
    const { clock, files, server, heard, end } = open({ '/run/dragonfly/boot.log': '[1.0] a\n' });
    heard();
    await soon(clock);
    files['/run/dragonfly/boot.log'] = '#1\n[2.0] b\n[3.0] c';
    heard(false);
    await soon(clock);
    expect(server.logs.map(({ first, lines }) => [first, lines[0]?.text])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ]);
    // The last line was not whole yet.
    expect(server.logs[1]?.lines).toHaveLength(1);
    await end();
  });

  it('keeps lines while the server is away, and says how many it could not keep', async () => {
    const { clock, server, logbook, heard, texts, end } = open();
    heard();
    server.fault = 'unreachable';
    for (let n = 0; n < 2_500; n += 1) logbook.add('action', `line ${n}`);
    await clock.advance(40_000);
    server.fault = 'none';
    await clock.advance(60_000);
    const sent = texts();
    expect(sent.filter((text) => text.startsWith('line'))).toHaveLength(2_000);
    expect(sent.slice(0, 2)).toEqual([
      '500 lines are missing here: too many waited for the server',
      'line 500',
    ]);
    expect(sent.at(-1)).toBe('line 2499');
    expect(server.logs.every(({ lines }) => lines.length <= 200)).toBe(true);
    await end();
  });

  it('asks a server that takes no logs once in each registration, and every ten minutes', async () => {
    const { clock, server, logbook, heard, end } = open();
    const refusal = new AppError('server.rejected', 'no route', { details: { status: 404 } });
    let asked = 0;
    server.sendLogs = async () => {
      asked += 1;
      throw refusal;
    };
    heard();
    for (let n = 0; n < 10; n += 1) {
      logbook.add('agent', 'again');
      heard(false);
      await soon(clock);
    }
    expect(asked).toBe(1);
    await clock.advance(600_000);
    heard(false);
    await soon(clock);
    expect(asked).toBe(2);
    heard();
    await soon(clock);
    expect(asked).toBe(3);
    await end();
  });

  it.each([
    ['{"user":"a","password":"hunter2two"}', 'hunter2two'],
    ['root password: hunter2two', 'hunter2two'],
    ['login --password hunter2two --quiet', 'hunter2two'],
    ['curl -H "Authorization: Bearer dfm_0193aaaa.secretsecret"', 'secretsecret'],
    ['kernel: dragonfly.token=dfb_020000000001_abcdef_0123456789abcdef_00', '0123456789abcdef'],
    ['fetching https://ops:hunter2@mirror.example/x.img', 'hunter2'],
    ['fetching https://s3.example/x.img?X-Amz-Signature=deadbeef', 'deadbeef'],
    ['useradd --password=hunter2 ops', 'hunter2'],
    ['dfm_01930000-0000-7000-8000-000000000001_abcdefghijkl is taken', 'abcdefghijkl'],
  ])('sends no secret of "%s"', async (text, secret) => {
    const { clock, logbook, heard, texts, end } = open();
    logbook.over(silentLog).info({ said: text }, text);
    heard();
    await soon(clock);
    expect(texts()).toHaveLength(1);
    expect(texts()[0]).not.toContain(secret);
    await end();
  });

  it('cuts a line of whatever length before it takes long to look for secrets in it', async () => {
    const { clock, logbook, heard, texts, end } = open();
    logbook.add('action', 'a.'.repeat(250_000));
    heard();
    await soon(clock);
    expect(texts()[0]).toMatch(/^(?:a\.){400}/);
    expect(texts()[0]?.length).toBeLessThanOrEqual(1_000);
    await end();
  });

  it('is sent by the loop from the check-in on, with the steps of a workflow', async () => {
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = new MemoryServer();
    const logbook = new Logbook({ root: MemoryRoot.of({}), boot: bootOn(clock), clock });
    server.action = 'execute';
    server.workflowId = 'w1';
    const subject: ReturnType<typeof machine> = {
      ...machine(),
      act: async (_order, context) => {
        context.event('w1', { type: 'action_started', workflow: 'w1', action: 'image2disk' });
        context.note?.('half of it is written');
        return { final: true };
      },
    };
    const agent = startLoop({
      transport: server,
      subject,
      logbook,
      clock,
      log: logbook.over(silentLog),
    });
    await clock.advance(60_000);
    await agent.stop();
    const lines = server.logs.flatMap((request) => request.lines);
    expect(lines.map(({ source, text }) => `${source}: ${text}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^agent: checked in machineId=id-0 name=Able/),
        'action: action image2disk begins',
        'action: half of it is written',
      ]),
    );
  });

  it('reaches a real server, which keeps it with the machine', async () => {
    const server = await startServer();
    const transport = new HttpTransport(server.url, { clock: systemClock });
    const stop = new AbortController();
    onTestFinished(async () => {
      await transport.close();
      await server.close();
    });
    const call = { signal: stop.signal };
    const request = { mac: '02:00:00:00:00:01', boot_id: 'boot', sequence: 1 };
    const { machine_id: machineId } = await transport.checkIn(request, call);
    const boot = { id: 'boot', uptimeMs: () => 5_000, nextSequence: async () => 1 };
    const logbook = new Logbook({ root: MemoryRoot.of({}), boot, clock: systemClock });
    logbook.add('agent', 'hello', 'warn');
    logbook.heard({ machineId, token: undefined }, true);
    const ended = logbook.run(transport, stop.signal);
    await expect
      .poll(async () => (await readLogs(server.store, machineId, {})).lines, { timeout: 20_000 })
      .toMatchObject([{ source: 'agent', level: 'warn', text: 'hello' }]);
    stop.abort();
    await ended;
  });
});
