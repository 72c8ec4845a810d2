import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { classifyFailure } from '../../../src/transport/failure.ts';
import type { AgentView } from '../../../src/agent/loop.ts';
import type { AgentState } from '../../../src/agent/state.ts';
import { render, StatusScreen } from '../../../src/cli/agent/status-screen.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';

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
