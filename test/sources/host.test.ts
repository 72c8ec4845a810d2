import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostRoot } from '../../src/sources/host.ts';
import { canHang, hang } from './isolated/hanging-mount.ts';

let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-host-'));
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

describe('this host', () => {
  it('gives files, directories and links as they are, undefined for what is absent', async () => {
    const root = new HostRoot();
    writeFileSync(join(top, 'b'), 'text\0');
    symlinkSync('b', join(top, 'a'));
    expect(await root.text(join(top, 'a'))).toBe('text\0');
    expect(await root.bytes(join(top, 'b'), { offset: 1, length: 2 })).toEqual(
      new Uint8Array([101, 120]),
    );
    expect(await root.list(top)).toEqual(['a', 'b']);
    expect(await root.link(join(top, 'a'))).toBe(join(top, 'b'));
    for (const path of [join(top, 'c'), join(top, 'b', 'c')]) {
      expect(await root.text(path)).toBeUndefined();
      expect(await root.bytes(path)).toBeUndefined();
      expect(await root.list(path)).toBeUndefined();
      expect(await root.link(path)).toBeUndefined();
    }
  });

  it('waits for no FIFO, reads no device as a whole and nothing huge', async () => {
    const root = new HostRoot();
    execFileSync('mkfifo', [join(top, 'fifo')]);
    writeFileSync(join(top, 'huge'), '');
    truncateSync(join(top, 'huge'), 2 ** 30);
    for (const path of [join(top, 'fifo'), top, '/dev/zero']) {
      await expect(root.text(path)).rejects.toMatchObject({ code: 'read.not-a-file' });
    }
    await expect(root.text(join(top, 'huge'))).rejects.toMatchObject({ code: 'read.too-large' });
    await expect(root.bytes(join(top, 'huge'))).rejects.toMatchObject({ code: 'read.too-large' });
  });

  it('gives files that the kernel makes up, which say to have no size', async () => {
    const root = new HostRoot();
    expect(await root.text('/proc/self/status')).toMatch(/^Name:/);
    expect(await root.text('/proc/no-such-file')).toBeUndefined();
  });

  it.skipIf(!canHang())('gives up what a dead server should give, and nothing else', async () => {
    const release = await hang(join(top, 'served'));
    try {
      const root = new HostRoot({ readTimeoutMs: 500 });
      writeFileSync(join(top, 'own'), 'here');
      await expect(root.text(join(top, 'served/x'))).rejects.toMatchObject({
        code: 'read.timeout',
      });
      expect(await root.text(join(top, 'own'))).toBe('here');
    } finally {
      await release();
    }
  });

  it('reads disks in a process of its own, no other files, and ends it when told', async () => {
    const others = readers();
    const own = (): number => readers().filter((pid) => !others.includes(pid)).length;
    const root = new HostRoot();
    await root.text('/run/dragonfly/boot-times');
    await root.bytes('/dev/cpu/0/cpuid', { offset: 0, length: 16 }).catch(() => {});
    expect(own()).toBe(0);
    await root.list('/dev/pts');
    expect(own()).toBe(1);
    await root.endReaders();
    await expect.poll(own).toBe(0);
    expect(await root.list('/dev/no-such-disk')).toBeUndefined();
    expect(own()).toBe(1);
    await root.endReaders();
  });

  it('gives up a command that hangs', async () => {
    const root = new HostRoot({ commandTimeoutMs: 200 });
    await expect(root.exec('sleep', ['1000'])).rejects.toMatchObject({ code: 'read.timeout' });
  });
});

/** The children of this process that read files for it. */
function readers(): string[] {
  const parent = `PPid:\t${process.pid}\n`;
  return readdirSync('/proc').filter((name) => {
    try {
      return (
        readFileSync(`/proc/${name}/status`, 'utf8').includes(parent) &&
        readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('reader.ts')
      );
    } catch {
      return false;
    }
  });
}
