import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { classifyFailure } from '../../../../src/transport/failure.ts';
import type { AgentView } from '../../../../src/agent/loop.ts';
import type { AgentState } from '../../../../src/agent/state.ts';
import { readScreenMachine } from '../../../../src/cli/agent/running/screen-facts.ts';
import { render, StatusScreen } from '../../../../src/cli/agent/running/status-screen.ts';
import { ManualClock } from '../../../../src/core/clock.ts';
import { AppError } from '../../../../src/core/errors.ts';
import { MemoryRoot } from '../../../probes/memory-root.ts';

const facts = {
  version: '1.2.3',
  servers: ['http://10.0.0.1:3000', 'http://10.0.0.2:3000'],
  serverSource: 'kernel command line (dragonfly.url)',
  clock: new ManualClock(new Date('2026-01-02T03:04:05Z')),
};
const view: AgentView = {
  addresses: () => ['10.0.0.7', 'fd00::7'],
  timeline: () => [
    { step: 'kernel', at_ms: 0 },
    { step: 'link', at_ms: 1_240 },
    { step: 'registered', at_ms: 5_100 },
  ],
};
const registration = {
  machine_id: '01930000-0000-7000-8000-000000000001',
  memorable_name: 'AbleAcidAreaAway',
  is_new: true,
  action: 'wait' as const,
  workflow_id: null,
  matched_by: 'new' as const,
  evidence: [],
  heartbeat_interval_seconds: 30,
};
const beating: AgentState = { phase: 'beating', dueMs: 30_000, failures: 0, registration };

function failed(message: string): AgentState {
  const lastFailure = classifyFailure(
    new AppError('server.unreachable', message, { cause: new Error('connect ECONNREFUSED') }),
  );
  return { ...beating, dueMs: 12_300, failures: 4, lastFailure };
}

describe('the status screen', () => {
  it('says who the machine is, where it stands and how it booted', () => {
    expect(render(beating, view, facts, ['03:04:05 checked in, known by new']).join('\n')).toBe(
      `Dragonfly agent 1.2.3
-------------------------------------------------------------------------------
Name      AbleAcidAreaAway
Id        01930000-0000-7000-8000-000000000001
Address   10.0.0.7, fd00::7
Server    http://10.0.0.1:3000, http://10.0.0.2:3000 (kernel command line
          (dragonfly.url))
State     registered; nothing to do
Boot      kernel 0.0 s, link 1.2 s, registered 5.1 s

Recently
  03:04:05 checked in, known by new`,
    );
  });

  it('shows the last error with the next step, and when it tries again', () => {
    const text = render(
      failed('cannot reach http://10.0.0.1:3000; check the network'),
      view,
      facts,
      [],
    );
    expect(text).toContain('State     registered; server lost, trying again in 13 s (4 failed)');
    expect(text).toContain(
      '  cannot reach http://10.0.0.1:3000; check the network: connect ECONNREFUSED',
    );
  });

  it('shows the machine, its ports with their links, and the way to a shell', () => {
    const machine = {
      name: 'Dell PowerEdge R650, serial ABC1234',
      ports: ['eth0 3c:ec:ef:07:14:50 link, 10000 Mbit/s', 'eth1 3c:ec:ef:07:14:51 no link'],
      said: ['no address on eth1 within 60 s: trying all ports'],
    };
    const waiting: AgentState = { phase: 'waiting', dueMs: 0, failures: 0 };
    const shown = { ...facts, servers: [], machine, help: 'Alt+F2 opens a shell' };
    expect(render(waiting, { ...view, addresses: () => [] }, shown, []).join('\n')).toBe(
      `Dragonfly agent 1.2.3
-------------------------------------------------------------------------------
Name      not registered yet
Id        -
Machine   Dell PowerEdge R650, serial ABC1234
Ports     eth0 3c:ec:ef:07:14:50 link, 10000 Mbit/s
          eth1 3c:ec:ef:07:14:51 no link
Address   none yet
Server    not known yet
State     waiting for the network
Boot      kernel 0.0 s, link 1.2 s, registered 5.1 s

Recently
  no address on eth1 within 60 s: trying all ports
Alt+F2 opens a shell`,
    );
    const many = Array.from({ length: 40 }, (_, i) => `eth${i} 02:00:00:00:00:00 no link`);
    const text = render(
      failed('word '.repeat(900)),
      view,
      { ...shown, machine: { ...machine, ports: many, shell: 'SHA256:abc' } },
      Array.from({ length: 9 }, () => 'news'),
    );
    expect(text).toHaveLength(24);
    expect(text).toContain('          and 36 more');
    expect(text).toContain('SSH       open, host key SHA256:abc');
    expect(text.at(-1)).toBe('Alt+F2 opens a shell');
  });

  it('is drawn on a terminal that nobody reads no further than a few screens', () => {
    const out = new PassThrough({ highWaterMark: 1 });
    const screen = new StatusScreen(out, facts);
    for (let i = 0; i < 1_000; i += 1) screen.draw();
    expect(out.writableLength).toBeLessThan(32 * 1024);
  });

  it('reads the machine from the files of the kernel, whatever is missing', async () => {
    const root = MemoryRoot.of({
      '/sys/class/dmi/id/sys_vendor': 'Dell Inc.\n',
      '/sys/class/dmi/id/product_name': 'PowerEdge R650\n',
      '/sys/class/dmi/id/product_serial': 'To Be Filled By O.E.M.\n',
      '/sys/class/net/eth0/device/vendor': '0x8086\n',
      '/sys/class/net/eth0/address': '3c:ec:ef:07:14:50\n',
      '/sys/class/net/eth0/carrier': '1\n',
      '/sys/class/net/eth0/speed': '25000\n',
      '/sys/class/net/eth1/device/vendor': '0x8086\n',
      '/sys/class/net/eth1/address': '3c:ec:ef:07:14:51\n',
      '/sys/class/net/lo/address': '00:00:00:00:00:00\n',
      '/run/dragonfly/boot.log': '#3\n[1.0] a\n[2.0] b\n',
    });
    expect(await readScreenMachine(root)).toEqual({
      name: 'Dell Inc. PowerEdge R650, without a serial number',
      ports: ['eth0 3c:ec:ef:07:14:50 link, 25000 Mbit/s', 'eth1 3c:ec:ef:07:14:51 no link'],
      said: ['a', 'b'],
    });
    const nothing = await readScreenMachine(MemoryRoot.of({}));
    expect(nothing.name).toBe('without a name, without a serial number');
  });

  it('fits on 80×25 whatever it has to say', () => {
    const news = Array.from({ length: 50 }, (_, i) => `03:04:05 ${'news '.repeat(40)}${i}`);
    const much = { ...view, addresses: () => Array.from({ length: 200 }, (_, i) => `10.0.0.${i}`) };
    for (const state of [failed('x'.repeat(5_000)), failed('word '.repeat(900)), beating]) {
      const text = render(state, much, facts, news);
      expect(text.length).toBeLessThan(25);
      expect(Math.max(...text.map((line) => line.length))).toBeLessThan(80);
    }
  });

  it('lets no control character of a server through to the terminal', () => {
    const text = render(failed('\u001b[2Jgone\u0007'), view, facts, ['\u001b]0;title\u0007']);
    expect(text.join('')).not.toMatch(/\p{Cc}/u);
  });

  it('draws over itself without scrolling', async () => {
    const out = new PassThrough();
    const screen = new StatusScreen(out, facts);
    for (let i = 0; i < 3; i++) screen.show(beating, { type: 'network', up: true }, view);
    out.end();
    const written = Buffer.concat(await out.toArray()).toString('utf8');
    const frames = written.split('\u001b[H').slice(1);
    expect(frames).toHaveLength(3);
    expect(frames.at(-1)?.match(/the network is up/g)).toHaveLength(3);
    for (const frame of frames) expect(frame.endsWith('\u001b[J')).toBe(true);
  });
});
