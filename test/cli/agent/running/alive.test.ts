import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SignOfLife } from '../../../../src/cli/agent/running/alive.ts';
import { ManualClock } from '../../../../src/core/clock.ts';
import { AppError, type ErrorCode } from '../../../../src/core/errors.ts';
import { classifyFailure } from '../../../../src/transport/failure.ts';
import { temporaryDirectory } from '../../../server/harness.ts';

it('counts on as long as the agent runs, and says for how long no server has answered', async () => {
  const path = join(temporaryDirectory(), 'alive');
  const clock = new ManualClock(new Date());
  const sign = new SignOfLife(path, clock);
  const stop = new AbortController();
  const ended = sign.run(stop.signal);
  const now = () => readFileSync(path, 'utf8');
  expect(now()).toBe('1 0\n');
  const down = failed('server.unreachable');
  sign.note({ phase: 'beating', dueMs: 0, failures: 1, lastFailure: down, registration });
  await clock.advance(60_000);
  sign.note({ phase: 'beating', dueMs: 0, failures: 5, lastFailure: down, registration });
  expect(now()).toBe('13 60\n');
  const order = { action: 'execute', workflowId: 'w' } as const;
  sign.note({ phase: 'acting', dueMs: 0, failures: 6, lastFailure: down, registration, order });
  await clock.advance(5_000);
  expect(now()).toBe('14 0\n');
  stop.abort();
  await ended;
});

it('goes on with the count of the run before, whatever is in the file', async () => {
  const path = join(temporaryDirectory(), 'alive');
  const once = async (): Promise<string> => {
    const stop = new AbortController();
    const ended = new SignOfLife(path, new ManualClock(new Date())).run(stop.signal);
    stop.abort();
    await ended;
    return readFileSync(path, 'utf8');
  };
  expect([await once(), await once()]).toEqual(['1 0\n', '2 0\n']);
  writeFileSync(path, 'x');
  expect(await once()).toBe('1 0\n');
});

it('goes on where the file cannot be written', async () => {
  const clock = new ManualClock(new Date());
  const stop = new AbortController();
  const ended = new SignOfLife('/nowhere/alive', clock).run(stop.signal);
  await clock.advance(20_000);
  stop.abort();
  await expect(ended).resolves.toBeUndefined();
});

it('takes a refusal for an answer', async () => {
  const path = join(temporaryDirectory(), 'alive');
  const clock = new ManualClock(new Date());
  const sign = new SignOfLife(path, clock);
  const stop = new AbortController();
  const ended = sign.run(stop.signal);
  sign.note({ phase: 'waiting', dueMs: 0, failures: 1, lastFailure: failed('server.unreachable') });
  await clock.advance(30_000);
  for (const status of [401, 404, 409, 503]) {
    const lastFailure = failed('server.rejected', status);
    sign.note({ phase: 'waiting', dueMs: 0, failures: 2, lastFailure });
    await clock.advance(60_000);
    expect(readFileSync(path, 'utf8')).toMatch(/^\d+ 0\n$/);
  }
  stop.abort();
  await ended;
});

it('counts as silence that no server is known', async () => {
  const path = join(temporaryDirectory(), 'alive');
  const clock = new ManualClock(new Date());
  const sign = new SignOfLife(path, clock);
  const stop = new AbortController();
  const ended = sign.run(stop.signal);
  sign.knowsNoServer();
  await clock.advance(30_000);
  sign.knowsNoServer();
  expect(readFileSync(path, 'utf8')).toBe('7 30\n');
  sign.note({ phase: 'waiting', dueMs: 0, failures: 0 });
  await clock.advance(5_000);
  expect(readFileSync(path, 'utf8')).toBe('8 0\n');
  stop.abort();
  await ended;
});

const registration = {
  machine_id: 'm',
  memorable_name: 'Able',
  is_new: true,
  action: 'wait' as const,
  workflow_id: null,
  matched_by: 'new' as const,
  evidence: [],
  heartbeat_interval_seconds: 30,
};

function failed(code: ErrorCode, status?: number) {
  return classifyFailure(new AppError(code, 'no', { details: { status } }));
}
