import { describe, expect, test } from 'vitest';
import {
  formatAge,
  formatDisk,
  formatMemory,
  formatSpeed,
  formatTime,
  hardwareLine,
  isoOf,
  plural,
  shortCpu,
} from '../../../src/web/parts/format.ts';

describe('format', () => {
  test('memory is in binary units, disks are in decimal ones', () => {
    expect(formatMemory(256 * 2 ** 30)).toBe('256 GiB');
    expect(formatMemory(1.5 * 2 ** 40)).toBe('1.5 TiB');
    expect(formatDisk(1_920_383_410_176)).toBe('1.9 TB');
    expect(formatDisk(960_197_124_096)).toBe('960 GB');
    expect(formatDisk(0)).toBe('0 B');
  });

  test('a text that is no time stays as it is, and a time that is none has no form', () => {
    expect(formatTime('2026-11-24T09:30:00Z')).toBe('2026-11-24 09:30 UTC');
    expect(formatTime('yesterday')).toBe('yesterday');
    expect([isoOf(0), isoOf(NaN), isoOf(9e15), isoOf(undefined)]).toEqual([
      '1970-01-01T00:00:00.000Z',
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('link speeds change unit at a gigabit', () => {
    expect(formatSpeed(100)).toBe('100 Mb/s');
    expect(formatSpeed(25_000)).toBe('25 Gb/s');
    expect(formatSpeed(2500)).toBe('2.5 Gb/s');
  });

  test.each([
    ['Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz', 'Intel Xeon Gold 6338'],
    ['AMD EPYC 7543 32-Core Processor', 'AMD EPYC 7543'],
    ['Ampere Altra', 'Ampere Altra'],
  ])('%s is shortened to %s', (model, short) => {
    expect(shortCpu(model)).toBe(short);
  });

  test('the hardware line leaves out what was not reported', () => {
    const nothing = {
      cpu_model: null,
      cpu_cores: null,
      memory_bytes: null,
      disks: [],
      network_interfaces: [],
      is_virtual: false,
      virt_platform: null,
    };
    expect(hardwareLine(nothing)).toBe('');
    expect(hardwareLine({ ...nothing, cpu_cores: 4, memory_bytes: 8 * 2 ** 30 })).toBe(
      '4c · 8 GiB',
    );
    const disk = { device: '/dev/sda', size_bytes: 2e12, model: null, serial: null };
    expect(
      hardwareLine({
        ...nothing,
        cpu_model: 'AMD EPYC 7543 32-Core Processor',
        cpu_cores: 32,
        cpu_threads: 64,
        disks: [disk, disk],
      }),
    ).toBe('AMD EPYC 7543 · 32c/64t · 2 disks 4 TB');
  });

  test('an age is said in its largest unit; one in the future is now', () => {
    expect([-5000, 0, 12_000, 60_000, 3_599_000, 7_200_000, 260_000_000].map(formatAge)).toEqual([
      'now',
      'now',
      '12 s',
      '1 min',
      '59 min',
      '2 h',
      '3 d',
    ]);
  });

  test('one thing has no plural', () => {
    expect(plural(1, 'machine')).toBe('1 machine');
    expect(plural(2000, 'machine')).toBe('2,000 machines');
  });
});
