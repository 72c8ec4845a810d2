import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';
import { collect } from '../../src/probes/collect.ts';
import type { AnyProbe } from '../../src/probes/index.ts';
import type { Report } from '../../src/probes/probe.ts';
import { MemoryRoot } from './memory-root.ts';

const tpm = { is_present: false, version: null } as const;
const good: AnyProbe = { name: 'tpm', read: async () => tpm };
const hanging: AnyProbe = { name: 'disks', read: () => new Promise(() => {}) };
const noFiles = MemoryRoot.of({});

describe('collect', () => {
  it('gives up a probe that hangs at its deadline, and keeps what the others found', async () => {
    const clock = new ManualClock(new Date(0));
    const collecting = collect(noFiles, { probes: [hanging, good], clock, timeoutMs: 500 });
    await clock.advance(500);
    expect(await collecting).toEqual({
      facts: { tpm },
      problems: [
        {
          code: 'probe.timeout',
          section: 'disks',
          source: 'disks',
          message: 'the probe did not finish within 500 ms',
        },
      ],
    });
  });

  it('tells a probe by its signal that its time is over', async () => {
    const clock = new ManualClock(new Date(0));
    let isAborted: () => boolean = () => false;
    const watching: AnyProbe = {
      name: 'disks',
      read: (_root, _report, signal) => {
        isAborted = () => signal.aborted;
        return new Promise(() => {});
      },
    };
    const collecting = collect(noFiles, { probes: [watching], clock, timeoutMs: 10 });
    expect(isAborted()).toBe(false);
    await clock.advance(10);
    await collecting;
    expect(isAborted()).toBe(true);
  });

  it('turns a probe that throws into a problem with its causes', async () => {
    const failing: AnyProbe = {
      name: 'cpu',
      read: () => Promise.reject(new TypeError('no such thing')),
    };
    const { facts, problems } = await collect(noFiles, { probes: [failing, good] });
    expect(facts).toEqual({ tpm });
    expect(problems).toMatchObject([
      { code: 'probe.failed', section: 'cpu', message: 'the probe failed: no such thing' },
    ]);
  });

  it('ignores what a probe reports after its deadline', async () => {
    const clock = new ManualClock(new Date(0));
    let reportLate: Report = () => {};
    const late: AnyProbe = {
      name: 'disks',
      read: (_root, report) => {
        reportLate = report;
        return new Promise(() => {});
      },
    };
    const collecting = collect(noFiles, { probes: [late], clock, timeoutMs: 10 });
    await clock.advance(10);
    const { problems } = await collecting;
    reportLate({ code: 'read.denied', section: 'disks', source: '/x', message: 'late' });
    expect(problems.map(({ code }) => code)).toEqual(['probe.timeout']);
  });

  it('stops at once, with its reason, when it is aborted', async () => {
    const stop = new AbortController();
    const collecting = collect(noFiles, { probes: [hanging], signal: stop.signal });
    stop.abort(new Error('SIGINT'));
    await expect(collecting).rejects.toThrow('SIGINT');
  });

  it('reads each source once for all probes', async () => {
    const root = MemoryRoot.of({ '/proc/cpuinfo': 'processor : 0\n' });
    await collect(root);
    const read = root.asked.filter((source) => source === '/proc/cpuinfo');
    expect(read).toHaveLength(1);
  });

  it('reports the problems of one host in the same order each time', async () => {
    const noisy = (name: 'cpu' | 'disks'): AnyProbe => ({
      name,
      async read(_root, report) {
        for (const source of ['/b', '/a']) {
          report({ code: 'read.denied', section: name, source, message: 'no' });
        }
        return undefined;
      },
    });
    const { problems } = await collect(noFiles, { probes: [noisy('disks'), noisy('cpu')] });
    expect(problems.map(({ section, source }) => section + source)).toEqual([
      'cpu/a',
      'cpu/b',
      'disks/a',
      'disks/b',
    ]);
  });

  it('keeps a programming error apart from a file that cannot be read', async () => {
    const unreadable = MemoryRoot.of({
      '/sys/class/tpm/tpm0/tpm_version_major': {
        fails: new AppError('read.failed', 'cannot read it'),
      },
    });
    const buggy = MemoryRoot.of({
      '/sys/class/tpm/tpm0/tpm_version_major': { fails: new TypeError('bug') },
    });
    const [read, bug] = [await collect(unreadable), await collect(buggy)];
    expect(read.facts.tpm).toEqual({ is_present: true, version: null });
    expect(read.problems.map(({ code }) => code)).toEqual(['read.failed']);
    expect(bug.facts.tpm).toBeUndefined();
    expect(bug.problems.map(({ code }) => code)).toEqual(['probe.failed']);
  });
});
