import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { packTar } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/core/errors.ts';
import { archiveTree, packFiles } from '../../../src/sources/captured/archive.ts';
import { fromFiles, manifestName, toFiles } from '../../../src/sources/captured/capture-file.ts';
import { openRoot } from '../../../src/sources/open.ts';
import { RecordingRoot, ReplayRoot, type Read } from '../../../src/sources/captured/recording.ts';
import type { Root } from '../../../src/sources/root.ts';

const info = { agentVersion: '0.0.0', redacted: false };
let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-recording-'));
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), content);
}

/** Every kind of read with every kind of outcome, as what came of it. */
async function readEverything(root: Root): Promise<unknown[]> {
  const paths = ['/sys/a:b', '/sys/nul', '/sys', '/sys/link', '/absent', '/sys/junk', '/sys/empty'];
  const asked = [
    ...paths.flatMap((p) => [root.text(p), root.bytes(p), root.list(p), root.link(p)]),
    root.bytes('/sys/a:b', { offset: 1, length: 2 }),
    root.exec('dmidecode', []),
    root.exec('dmidecode', ['-t', '4']),
  ];
  return (await Promise.allSettled(asked)).map((result) =>
    result.status === 'fulfilled'
      ? { value: result.value }
      : { error: outcomeOfError(result.reason) },
  );
}

function outcomeOfError(err: unknown): unknown {
  if (!(err instanceof AppError)) throw err;
  return [err.code, err.message, err.cause instanceof Error ? err.cause.message : err.cause];
}

/** Records all reads of a directory that holds something of every kind. */
async function record(): Promise<{ recording: RecordingRoot; seen: unknown[] }> {
  put('sys/a:b', 'text\n');
  put('sys/nul', 'ARM\0\0\n');
  put('sys/empty', '');
  put('sys/junk', new Uint8Array([0xff, 0xfe, 0, 1]));
  put('dmidecode.txt', 'Handle 0x0001\n');
  symlinkSync('loop', join(top, 'sys/loop'));
  symlinkSync('../absent', join(top, 'sys/link'));
  const recording = new RecordingRoot(await openRoot(top));
  return { recording, seen: await readEverything(recording) };
}

describe('a capture', () => {
  it('replays every read with the same outcome, packed and unpacked', async () => {
    const { recording, seen } = await record();
    const files = toFiles(recording.reads(), info);
    const archive = join(top, 'capture.tar.gz');
    writeFileSync(archive, await packFiles(files));
    expect(await readEverything(await openRoot(archive))).toEqual(seen);
    for (const [name, text] of files) put(`unpacked/${name}`, text);
    expect(await readEverything(await openRoot(join(top, 'unpacked')))).toEqual(seen);
  });

  it('keeps clean texts as files at their own place', async () => {
    const { recording } = await record();
    const files = toFiles(recording.reads(), info);
    expect(files.get('sys/a:b')).toBe('text\n');
    expect(files.get('commands/dmidecode.txt')).toBe('Handle 0x0001\n');
    expect([...files.keys()]).not.toContain('sys/nul');
  });

  it('is text throughout, the same bytes each time', async () => {
    const { recording } = await record();
    const files = toFiles(recording.reads(), info);
    for (const text of files.values()) expect(text).not.toMatch(/[^\P{Cc}\t\n]/u);
    expect(await packFiles(files)).toEqual(await packFiles(toFiles(recording.reads(), info)));
  });

  it('refuses a read that it never saw', async () => {
    const { recording } = await record();
    const replay = new ReplayRoot('x', recording.reads());
    await expect(replay.text('/never/asked')).rejects.toMatchObject({ code: 'read.not-captured' });
    await expect(replay.bytes('/sys/a:b', { offset: 0, length: 9 })).rejects.toMatchObject({
      code: 'read.not-captured',
    });
  });

  it('gives up in the replay what never came back in the recording', async () => {
    const hung = { ...(await openRoot(top)), text: () => new Promise<undefined>(() => {}) };
    const recording = new RecordingRoot(hung);
    void recording.text('/sys/hung');
    const replay = new ReplayRoot('x', recording.reads());
    await expect(replay.text('/sys/hung')).rejects.toMatchObject({ code: 'read.timeout' });
  });

  it('holds any reads whatever their paths and contents are', async () => {
    const path = fc.string({
      unit: fc.constantFrom('/', 'a', '.', 'capture.json', '\n', 'é', '"'),
    });
    const outcome = fc.oneof(
      fc.string({ unit: 'binary' }).map((value) => ({ value })),
      fc.constant({ absent: true } as const),
      fc.record({
        error: fc.record({ code: fc.constant('read.denied' as const), message: fc.string() }),
      }),
    );
    const reads = fc.array(
      fc.record({ asked: fc.record({ read: fc.constant('text' as const), path }), outcome }),
    );
    await fc.assert(
      fc.asyncProperty(reads, async (list: Read[]) => {
        const files = toFiles(list, info);
        const textOf = (name: string): string | undefined => files.get(name.slice(1));
        expect(await fromFiles(files.get(manifestName) ?? '', textOf, 'x')).toEqual(list);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['', 'cannot be replayed'],
    ['[]', 'cannot be replayed'],
    ['{"format":"dragonfly-capture","version":2,"reads":[]}', 'cannot be replayed'],
    ['{"format":"dragonfly-capture","version":1,"reads":[{}]}', 'cannot be replayed'],
    ['{"format":"dragonfly-capture","version":1,"reads":[null]}', 'cannot be replayed'],
    [
      '{"format":"dragonfly-capture","version":1,"reads":[{"read":"text","path":"/a","file":"b"}]}',
      'cannot be replayed',
    ],
  ])('with the manifest %s is refused', async (manifest, message) => {
    put(manifestName, manifest);
    await expect(openRoot(top)).rejects.toMatchObject({
      code: 'read.malformed',
      message: expect.stringContaining(message),
    });
  });
});

describe('an archive', () => {
  async function open(entries: Parameters<typeof packTar>[0]): Promise<Root> {
    const archive = join(top, 'x.tar');
    writeFileSync(archive, await packTar(entries));
    return await openRoot(archive);
  }
  const file = (
    name: string,
    body: string,
  ): { header: { name: string; size: number }; body: string } => ({
    header: { name, size: body.length },
    body,
  });
  const link = (name: string, linkname: string) =>
    ({ header: { name, size: 0, type: 'symlink', linkname } }) as const;

  type Entries = Parameters<typeof packTar>[0];
  const many = (count: number, entry: (i: number) => Entries[number]): Entries =>
    Array.from({ length: count }, (__, i) => entry(i));

  it('without a manifest is read as it stands, links and all', async () => {
    const root = await open([
      file('./sys/devices/pci0000:00/net/eth0/address', '52:54:00:00:00:01\n'),
      link('./sys/class/net/eth0', '../../devices/pci0000:00/net/eth0'),
      link('./sys/dangling', '/sys/bus/pci/drivers/igb'),
    ]);
    expect(await root.text('/sys/class/net/eth0/address')).toBe('52:54:00:00:00:01\n');
    expect(await root.list('/sys/class/net')).toEqual(['eth0']);
    expect(await root.link('/sys/dangling')).toBe('/sys/bus/pci/drivers/igb');
    expect(await root.text('/etc/hostname')).toBeUndefined();
    await expect(root.text('/sys')).rejects.toMatchObject({ code: 'read.not-a-file' });
  });

  it('reaches nothing outside itself', async () => {
    const root = await open([
      file('../../escaped', 'x'),
      link('etc/up', '../../../../../../etc/passwd'),
      link('abs', '/etc/passwd'),
      file('/rooted', 'y'),
    ]);
    expect(await root.text('/escaped')).toBeUndefined();
    expect(await root.text('/etc/up')).toBeUndefined();
    expect(await root.text('/abs')).toBeUndefined();
    expect(await root.text('/rooted')).toBe('y');
  });

  it('that unpacks to more than memory should hold is refused', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(257 * 1024 * 1024, 'x'));
    await expect(archiveTree(bomb, 'bomb.tar.gz')).rejects.toMatchObject({
      code: 'read.malformed',
    });
  });

  it.each([
    [
      'more entries than any machine has files',
      (): Entries => many(40_000, (i) => file(`f${i}`, '')),
    ],
    ['paths of a thousand directories', (): Entries => [file(`${'d/'.repeat(1000)}x`, '')]],
    [
      'more directories than any machine',
      (): Entries => many(4000, (i) => file(`${`${i}/`.repeat(40)}x`, '')),
    ],
    ['a link longer than any path', (): Entries => [link('l', 'a/'.repeat(5000))]],
    ['a name longer than any path', (): Entries => [file('n'.repeat(20_000), '')]],
  ])('that holds %s is refused at once, in little memory', async (_, entries) => {
    const { gzipSync } = await import('node:zlib');
    const archive = gzipSync(await packTar(entries()));
    const [before, started] = [process.memoryUsage().rss, process.cpuUsage()];
    await expect(archiveTree(archive, 'x.tar.gz')).rejects.toMatchObject({
      code: 'read.malformed',
    });
    // CPU time, because other programs run on this computer too.
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(1000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  });

  it('that is none is refused whatever its bytes are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2000 }), async (bytes) => {
        const result = await archiveTree(bytes, 'junk').catch((err: unknown) => err);
        expect(result instanceof Error ? result : new AppError('read.malformed', '')).toMatchObject(
          {
            code: 'read.malformed',
          },
        );
      }),
      { numRuns: 100 },
    );
    put('junk.tar.gz', 'no archive');
    await expect(openRoot(join(top, 'junk.tar.gz'))).rejects.toMatchObject({
      code: 'read.malformed',
    });
  });
});
