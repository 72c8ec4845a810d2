import { describe, expect, it } from 'vitest';
import { parseLocalBoot, type BootScriptOptions } from '../../src/netboot/boot-parameters.ts';
import { agentScript, localDiskScript, startScript } from '../../src/netboot/boot-script.ts';
import { run, type World } from './interpreter.ts';

const options: BootScriptOptions = {
  filesUrl: 'http://192.0.2.1:3000',
  agentUrl: 'http://192.0.2.1:3000',
  mac: '02:00:00:00:00:07',
  workflowId: undefined,
  token: undefined,
  namesMode: true,
  append: [],
  now: new Date(1_800_000_000_000),
  giveUpSeconds: 300,
  localBoot: 'default',
};

const bios = (works: World['works']): World => ({ platform: 'pcbios', works });
const uefi = (works: World['works']): World => ({ platform: 'efi', works });
const never = (): boolean => false;
const diskOnly = (command: string): boolean => command.startsWith('sanboot');

describe('a boot script', () => {
  it('loads the agent', () => {
    const { tried, end } = run(
      agentScript(options),
      bios(() => true),
    );
    expect({ tried, end }).toEqual({
      tried: ['0 s kernel works', '0 s initrd works', '0 s boot works'],
      end: 'boot',
    });
  });

  it('waits for a server that is late by a minute', () => {
    const late = bios((_command, seconds) => seconds >= 60);
    const asked = run(startScript(options.filesUrl, 300), late);
    expect(asked.end).toBe('chain');
    expect(asked.seconds).toBeLessThanOrEqual(60 + 16);
    const loaded = run(agentScript(options), late);
    expect(loaded.end).toBe('boot');
    expect(loaded.tried.slice(-3).map((line) => line.replace(/^\d+ s /, ''))).toEqual([
      'kernel works',
      'initrd works',
      'boot works',
    ]);
  });

  it('loads the image again, and not the kernel, when that breaks off', () => {
    let breaks = 3;
    const { tried } = run(
      agentScript(options),
      bios((command) => !command.startsWith('initrd') || (breaks -= 1) < 0),
    );
    expect(tried.map((line) => line.split(' ').slice(2).join(' '))).toEqual([
      'kernel works',
      'initrd fails',
      'initrd fails',
      'initrd fails',
      'initrd works',
      'boot works',
    ]);
  });

  it('gives way to the disk after five minutes, and says each time what it waits for', () => {
    for (const text of [startScript(options.filesUrl, 300), agentScript(options)]) {
      const { end, seconds, said } = run(text, bios(diskOnly));
      expect(end).toBe('sanboot');
      expect(seconds).toBeGreaterThanOrEqual(290);
      expect(seconds).toBeLessThanOrEqual(310);
      expect(said.filter((line) => line.includes('http://192.0.2.1:3000')).length).toBeGreaterThan(
        20,
      );
      expect(said).toContain('That failed (try 1 of 23). Trying again in 1 s.');
      expect(run(text, uefi(never))).toMatchObject({ end: 'exit 1' });
    }
  });

  it('counts the time in which nobody answers', () => {
    const { end, seconds, tried } = run(startScript(options.filesUrl, 300), {
      ...bios(diskOnly),
      isSilent: true,
    });
    expect(end).toBe('sanboot');
    expect(tried.length).toBeGreaterThan(20);
    expect(seconds).toBe(353);
  });

  it('starts a BIOS machine anew when its disk does not boot either', () => {
    const { end } = run(
      startScript(options.filesUrl, 300),
      bios((command) => command === 'reboot'),
    );
    expect(end).toBe('reboot');
  });

  it('never gives up where there is nothing else to boot', () => {
    for (const world of [bios(never), uefi(never), bios(diskOnly)]) {
      expect(run(agentScript({ ...options, giveUpSeconds: undefined }), world).end).toBe(
        'for ever',
      );
      expect(run(startScript(options.filesUrl, undefined), world).end).toBe('for ever');
    }
  });

  it('loads no kernel for 64 bits on a processor of 32, and says so', () => {
    const { tried, said, end } = run(agentScript(options), { ...bios(diskOnly), bits: 32 });
    expect([tried.length, end]).toEqual([1, 'sanboot']);
    expect(said[0]).toBe('This processor has 32 bits. The agent needs one with 64.');
    for (const bits of [64, undefined] as const)
      expect(run(agentScript(options), { ...bios(() => true), bits }).end).toBe('boot');
  });

  it('gives way to the disk when the machine cannot start the kernel', () => {
    const noBoot = (command: string): boolean => command !== 'boot';
    expect(run(agentScript(options), bios(noBoot)).end).toBe('sanboot');
    expect(run(agentScript({ ...options, giveUpSeconds: undefined }), uefi(noBoot)).end).toBe(
      'for ever',
    );
  });
});

describe('the way to the disk', () => {
  const ends = (text: string, works: World['works']): unknown[] =>
    [bios(works), uefi(works)].map(
      (world) => run(localDiskScript(parse(text), options.filesUrl), world).end,
    );

  function parse(text: string): Parameters<typeof localDiskScript>[0] {
    const parsed = parseLocalBoot(text);
    if (parsed === undefined) throw new Error(text);
    return parsed;
  }

  it.each([
    ['default', 'sanboot', 'exit 1'],
    ['exit', 'exit 1', 'exit 1'],
    ['sanboot', 'sanboot', 'sanboot'],
    ['sanboot:0x81', 'sanboot', 'sanboot'],
  ])('%s is %s for a BIOS and %s for UEFI', (text, inBios, inUefi) => {
    expect(ends(text, diskOnly)).toEqual([inBios, inUefi]);
    expect(ends(text, never)).toEqual(['exit 1', 'exit 1']);
  });

  it('chain starts the loader for the firmware, and goes on where that comes back', () => {
    const text = localDiskScript('chain', options.filesUrl);
    const fetched = (world: (works: World['works']) => World): string[] => {
      const asked: string[] = [];
      const { end } = run(
        text,
        world((command) => {
          asked.push(command.split('/').at(-1) ?? '');
          return false;
        }),
      );
      return [...asked, end];
    };
    expect([fetched(bios), fetched(uefi)]).toEqual([
      ['local.pxe', 'exit 1'],
      ['local.efi', 'exit 1'],
    ]);
    expect(
      run(
        text,
        uefi(() => true),
      ).end,
    ).toBe('chain');
    expect(text).toContain(' http://192.0.2.1:3000/boot/${buildarch}/local.efi ');
  });

  it('of a BIOS goes over its disks, and starts over where none boots', () => {
    const second = run(
      localDiskScript('default', options.filesUrl),
      bios((command) => command.endsWith(' 0x81')),
    );
    expect(second.tried).toEqual(['0 s sanboot fails', '0 s sanboot works']);
    const rebootOnly = (command: string): boolean => command === 'reboot';
    expect(ends('default', rebootOnly)).toEqual(['reboot', 'exit 1']);
    expect(ends('sanboot:0x81', rebootOnly)).toEqual(['reboot', 'exit 1']);
    expect(ends('exit', rebootOnly)).toEqual(['exit 1', 'exit 1']);
  });

  it('is left to the firmware after five minutes, too, where an operator chose that', () => {
    const text = agentScript({ ...options, localBoot: 'exit' });
    expect(
      run(
        text,
        bios((command) => command === 'reboot'),
      ).end,
    ).toBe('exit 1');
  });

  it('names the drive', () => {
    expect(localDiskScript(parse('sanboot:0x81'), options.filesUrl)).toContain('--drive 0x81');
  });

  it.each(['', 'sanboot:', 'sanboot:0x7f', 'sanboot:129', 'grub', '${x}'])(
    'is not "%s"',
    (text) => {
      expect(parseLocalBoot(text)).toBeUndefined();
    },
  );
});
