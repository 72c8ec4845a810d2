import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/clock.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import { openStore } from '../../../../src/store/open.ts';
import { checkin, rebootTemplate, startServer, type TestServer } from '../../harness.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const contrib = join(import.meta.dirname, '../../../../contrib');

async function metrics(server: TestServer, token?: string): Promise<string> {
  return (await server.call('GET', '/metrics', { token })).body;
}

describe('the metrics', () => {
  it('count what the store holds, also after a restart', async () => {
    const store = await openStore('memory:');
    const first = await startServer({ store, version: '1.2.3' });
    const hello = await first.call('POST', '/api/agent/checkin', { body: checkin(1) });
    await first.call('POST', '/api/agent/checkin', { body: checkin(2) });
    await first.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    const made = await first.call('POST', '/api/workflows', {
      body: { machine_id: hello.body.machine_id, template: 'restart' },
    });
    const workflow = `/api/workflows/${made.body.metadata.name}`;
    await first.call('POST', `${workflow}/events`, { body: { type: 'started' } });
    await first.call('POST', `${workflow}/events`, { body: { type: 'completed', success: true } });
    const text = await metrics(first);
    for (const line of [
      'dragonfly_build_info{version="1.2.3"} 1',
      'dragonfly_workflows{state="STATE_SUCCESS"} 1',
      'dragonfly_conflicts_open 0',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/dragonfly_workflow_seconds_count\{state="STATE_SUCCESS"\} 1/);
    expect(text).toMatch(/dragonfly_machines\{state="Discovered",liveness="online"\} 1/);
    // Another server on the same store knows of them without having heard them.
    const again = await startServer({ store, liveness: { intervalSeconds: 0.01 } });
    await expect
      .poll(async () => metrics(again))
      .toMatch(/dragonfly_machines\{state="Discovered",liveness="gone"\} 1/);
    expect(await metrics(again)).toContain('dragonfly_workflows{state="STATE_SUCCESS"} 1');
  });

  it('count refusals, and say when tokens end', async () => {
    const server = await startServer();
    const expiresAt = new Date('2099-01-01T00:00:00Z');
    const token = await createToken(server.store, systemClock, {
      name: 'ops',
      scope: 'read',
      expiresAt,
    });
    await server.call('GET', '/api/machines');
    await server.call('PUT', '/api/settings/a', { body: { value: 'b' }, token });
    const text = await metrics(server, token);
    expect(text).toContain('dragonfly_denied_total{status="401"} 1');
    expect(text).toContain('dragonfly_denied_total{status="403"} 1');
    expect(text).toContain(
      `dragonfly_token_expiry_timestamp_seconds{name="ops"} ${expiresAt.getTime() / 1000}`,
    );
  });

  it.skipIf(!hasPromtool)('are as promtool wants them (skipped without promtool)', async () => {
    const server = await startServer();
    await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const text = await metrics(server);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    expect([status, `${stdout}${stderr}`]).toEqual([0, '']);
  });
});

it.skipIf(!hasPromtool)('the alert rules hold (skipped without promtool)', () => {
  const { status, stdout } = spawnSync('promtool', ['test', 'rules', 'alerts.test.yml'], {
    cwd: join(contrib, 'prometheus'),
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([0, expect.stringContaining('SUCCESS')]);
});

it.each(['prometheus/alerts.yml', 'grafana/dragonfly-server.json'])(
  'contrib/%s names metrics that there are',
  async (file) => {
    const server = await startServer({ storeBytes: () => 1 });
    const known = new Set((await metrics(server)).match(/^# TYPE (\w+)/gm)?.map((l) => l.slice(7)));
    const text = readFileSync(join(contrib, file), 'utf8');
    const used = text.match(/\bdragonfly_\w+/g) ?? [];
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !known.has(name.replace(/_(?:count|bucket)$/, '')))).toEqual([]);
  },
);
