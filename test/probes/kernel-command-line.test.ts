import { describe, expect, it } from 'vitest';
import { bootPort, parseKernelCommandLine } from '../../src/probes/kernel-command-line.ts';
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

  it('is the same in every spelling of loaders, and none where no Ethernet loader wrote it', () => {
    const port = (value: string): unknown => bootPort(new Map([['BOOTIF', value]]))?.value;
    for (const spelling of [
      '01-aa-bb-cc-dd-ee-0f',
      '01-AA-BB-CC-DD-EE-0F',
      '01:aa:bb:cc:dd:ee:0f',
      '01aabbccddee0f',
      'aa:bb:cc:dd:ee:0f',
      'aabbccddee0f',
    ]) {
      expect(port(spelling)).toBe('aa:bb:cc:dd:ee:0f');
    }
    for (const junk of ['', '20-80-00-00-48-fe-80', '01-aa-bb', '01-02-03-04-05-06-07-08']) {
      expect(port(junk)).toBeUndefined();
    }
  });

  it('is null when it was not passed on, and not known when the command line cannot be read', async () => {
    expect(await read('bootPort', { '/proc/cmdline': 'quiet\n' })).toBeNull();
    const { found, problems } = await probe('bootPort', { '/proc/cmdline': denied() });
    expect([found, codes(problems)]).toEqual([undefined, ['read.denied /proc/cmdline']]);
    expect((await probe('bootPort', {})).found).toBeUndefined();
  });
});
