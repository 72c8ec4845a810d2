import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notebook } from '../../src/agent/boot.ts';
import { Spool, type Report } from '../../src/agent/spool.ts';

function progress(percent: number, message = ''): Report {
  const event = {
    type: 'action_progress' as const,
    action: 'image2disk',
    progress: { percent, message },
  };
  return { kind: 'event', workflowId: 'w', event };
}

function memoryNotebook(): Notebook & { text: string | undefined } {
  return {
    text: undefined,
    async read() {
      return this.text;
    },
    async write(text) {
      this.text = text;
    },
  };
}

const all = (report: Report): report is Report => report.kind !== undefined;

describe('Spool', () => {
  it('keeps the newest 1,000 entries in order and counts what it dropped', () => {
    const spool = new Spool();
    for (let i = 0; i < 1_250; i++) spool.add(progress(i));
    expect(spool.size).toBe(1_000);
    expect(spool.dropped).toBe(250);
    expect(spool.head(all)[0]).toEqual(progress(250));
    expect(spool.head(all).at(-1)).toEqual(progress(1_249));
  });

  it('takes secrets that a name announces out of what it sends and keeps', async () => {
    const notebook = memoryNotebook();
    const spool = new Spool(notebook);
    const said =
      'curl --password hunter22 https://me:hunter22@192.0.2.1/a?sig=hunter22 token=hunter22';
    const told = 'curl --password removed https://removed@192.0.2.1/a?… token=removed';
    const failed = (line: string): Report => ({
      kind: 'event',
      workflowId: 'w',
      event: { type: 'action_completed', action: 'chroot', success: false, output: [line] },
    });
    const found = (message: string): Report => ({
      kind: 'problem',
      problem: { code: 'probe.failed', section: 'disks', source: 'lsblk', message },
    });
    spool.add(progress(5, said));
    spool.add(failed(said));
    spool.add(found(said));
    await spool.saved();
    expect(spool.head(all)).toEqual([progress(5, told), failed(told), found(told)]);
    expect(notebook.text).not.toContain('hunter22');
  });

  it('keeps at most 1 MiB', () => {
    const spool = new Spool();
    for (let i = 0; i < 300; i++) spool.add(progress(i, 'x'.repeat(10_000)));
    expect(JSON.stringify(spool.head(all)).length).toBeLessThan(1024 * 1024 + 1_000);
    expect(spool.size + spool.dropped).toBe(300);
    expect(spool.size).toBeGreaterThan(90);
  });

  it('never holds more than its limits, nor loses count, whatever is added and removed', () => {
    const steps = fc.array(fc.oneof(fc.nat(200), fc.constant('remove' as const)));
    fc.assert(
      fc.property(steps, (script) => {
        const spool = new Spool(undefined, { entries: 7, bytes: 900 });
        let added = 0;
        let removed = 0;
        for (const step of script) {
          if (step === 'remove') {
            const head = spool.head(all).slice(0, 2);
            spool.remove(head);
            removed += head.length;
          } else {
            spool.add(progress(added, 'x'.repeat(step)));
            added += 1;
          }
          expect(spool.size).toBeLessThanOrEqual(7);
          expect(added).toBe(removed + spool.dropped + spool.size);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has after a restart of the agent what it had before', async () => {
    const notebook = memoryNotebook();
    const before = await Spool.open(notebook);
    for (let i = 0; i < 5; i++) before.add(progress(i));
    before.remove(before.head(all).slice(0, 2));
    await before.saved();
    const after = await Spool.open(notebook);
    expect(after.head(all)).toEqual([progress(2), progress(3), progress(4)]);
  });

  it.each(['{', '[1, null, {"kind":"event"}]', '{}', ''])('starts empty from %j', async (text) => {
    const notebook = memoryNotebook();
    notebook.text = text;
    expect((await Spool.open(notebook)).size).toBe(0);
  });

  it('goes on when the notebook cannot be written', async () => {
    const spool = new Spool({
      read: async () => undefined,
      write: async () => {
        throw new Error('ENOSPC');
      },
    });
    spool.add(progress(1));
    await spool.saved();
    expect(spool.size).toBe(1);
  });
});
