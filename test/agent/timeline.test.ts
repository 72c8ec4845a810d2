import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Conversation } from '../../src/agent/conversation.ts';
import { Spool } from '../../src/agent/spool.ts';
import { Timeline } from '../../src/agent/timeline.ts';
import { HttpTransport } from '../../src/transport/transport.ts';
import { ManualClock, systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openRoot } from '../../src/sources/open.ts';
import { bootOn } from '../transport/memory-server.ts';
import { startServer } from './server.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** A host whose initramfs noted these lines. */
async function host(notes?: string) {
  const dir = await mkdtemp(join(tmpdir(), 'timeline-'));
  open.push(() => rm(dir, { recursive: true }));
  await mkdir(join(dir, 'run/dragonfly'), { recursive: true });
  if (notes !== undefined) await writeFile(join(dir, 'run/dragonfly/boot-times'), notes);
  return openRoot(dir);
}

describe('Timeline', () => {
  it('has the steps of the initramfs and its own, each at its first time, in order of time', async () => {
    const clock = new ManualClock(new Date(0));
    await clock.advance(5_000);
    const root = await host('link=1200\naddress=3400\njunk\nevil=1\ndns=-5\n');
    const timeline = await Timeline.open(root, bootOn(clock));
    await clock.advance(250);
    timeline.mark('tcp');
    timeline.mark('address');
    await clock.advance(1_000);
    timeline.mark('tcp');
    expect(timeline.times()).toEqual([
      { step: 'kernel', at_ms: 0 },
      { step: 'link', at_ms: 1_200 },
      { step: 'address', at_ms: 3_400 },
      { step: 'agent', at_ms: 5_000 },
      { step: 'tcp', at_ms: 5_250 },
    ]);
  });

  it('is on the record after the first check-in, with the times of connecting', async () => {
    const server = await startServer();
    open.push(server.close);
    const boot = bootOn(new ManualClock(new Date(0)));
    const timeline = await Timeline.open(await host(), boot);
    const transport = new HttpTransport(server.url.replace('127.0.0.1', 'localhost'), {
      clock: systemClock,
      onStep: (step) => timeline.mark(step),
    });
    const conversation = new Conversation({
      transport,
      boot,
      timeline,
      spool: new Spool(),
      signal: new AbortController().signal,
      log: silentLog,
    });
    await conversation.checkIn('', async () => ({ mac: '02:00:00:00:00:01' }));
    await transport.close();
    const [machine] = (await server.store.machines.list()).items;
    const steps = machine?.value.report?.boot_timeline?.map((t) => t.step);
    expect(steps).toEqual(['kernel', 'agent', 'dns', 'tcp', 'checkin']);
  });
});
