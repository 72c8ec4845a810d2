import { describe, expect, it } from 'vitest';
import {
  bootifMac,
  bootPort,
  parseKernelCommandLine,
} from '../../src/probes/kernel-command-line.ts';
import { codes, denied, probe, read } from './host.ts';

describe('the kernel command line', () => {
  it('keeps quoted spaces together and lets the last of a repeated parameter count', () => {
    const parameters = parseKernelCommandLine('a=1 ro b="two words" "c=three words" a=2\n');
    expect([...parameters]).toEqual([
      ['a', '2'],
      ['b', 'two words'],
      ['c', 'three words'],
    ]);
  });
});

describe('the port booted from', () => {
  it.each([
    ['BOOTIF=01-52-54-00-AB-00-01 quiet', '52:54:00:ab:00:01 BOOTIF'],
    [
      'a=b dragonfly.mac=52:54:00:00:00:02 BOOTIF=01-52-54-00-00-00-01',
      '52:54:00:00:00:02 dragonfly.mac',
    ],
    ['dragonfly.mac=junk BOOTIF=01-52-54-00-00-00-01', '52:54:00:00:00:01 BOOTIF'],
    ['BOOTIF=01-52-54-00-00-00-01 BOOTIF=01-52-54-00-00-00-03', '52:54:00:00:00:03 BOOTIF'],
    ['BOOTIF=01-52-54 xBOOTIF=01-52-54-00-00-00-01', undefined],
    ['', undefined],
  ])('of "%s" is %s', (cmdline, expected) => {
    const found = bootPort(parseKernelCommandLine(cmdline));
    expect(found === null ? undefined : `${found.value} ${found.source}`).toBe(expected);
  });

  it('is none where no Ethernet loader wrote BOOTIF', () => {
    expect(bootifMac('01-aa-bb-cc-dd-ee-0f')).toBe('aa-bb-cc-dd-ee-0f');
    for (const junk of ['', '20-80-00-00-48-fe-80', 'aa-bb-cc-dd-ee-0f', '01-aa-bb']) {
      expect(bootifMac(junk)).toBeUndefined();
    }
  });

  it('is null when it was not passed on, and not known when the command line cannot be read', async () => {
    expect(await read('bootPort', { '/proc/cmdline': 'quiet\n' })).toBeNull();
    const { found, problems } = await probe('bootPort', { '/proc/cmdline': denied() });
    expect([found, codes(problems)]).toEqual([undefined, ['read.denied /proc/cmdline']]);
    expect((await probe('bootPort', {})).found).toBeUndefined();
  });
});
