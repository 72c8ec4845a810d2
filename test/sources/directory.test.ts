import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRoot } from '../../src/sources/open.ts';
import type { Root } from '../../src/sources/root.ts';

let top: string;
let root: Root;

beforeEach(async () => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-directory-'));
  root = await openRoot(top);
});
afterEach(() => {
  rmSync(top, { recursive: true, force: true });
});

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(top + path), { recursive: true });
  writeFileSync(top + path, content);
}
function link(path: string, target: string): void {
  mkdirSync(dirname(top + path), { recursive: true });
  symlinkSync(target, top + path);
}

describe('reading a captured directory', () => {
  it('gives a file exactly as it stands, NULs and all', async () => {
    put('/sys/a', 'x\0\n');
    expect(await root.text('/sys/a')).toBe('x\0\n');
    expect(await root.bytes('/sys/a')).toEqual(new Uint8Array([120, 0, 10]));
    expect(await root.bytes('/sys/a', { offset: 1, length: 1 })).toEqual(new Uint8Array([0]));
  });

  it('gives undefined for what is not there, also below a file', async () => {
    put('/sys/a', '');
    for (const path of ['/sys/b', '/b/c/d', '/sys/a/b']) {
      expect(await root.text(path)).toBeUndefined();
      expect(await root.bytes(path)).toBeUndefined();
      expect(await root.list(path)).toBeUndefined();
      expect(await root.link(path)).toBeUndefined();
    }
  });

  it('lists a directory in order, through a link', async () => {
    put('/sys/devices/x/b', '');
    put('/sys/devices/x/a', '');
    link('/sys/class/x', '../devices/x');
    expect(await root.list('/sys/class/x')).toEqual(['a', 'b']);
    expect(await root.link('/sys/class/x')).toBe('/sys/devices/x');
  });

  it('follows absolute links within the directory', async () => {
    put('/etc/machine-id', 'inside');
    link('/id', '/etc/machine-id');
    expect(await root.text('/id')).toBe('inside');
  });

  it('never leaves the directory by way of ".."', async () => {
    writeFileSync(`${top}.outside`, 'outside');
    try {
      const name = `${top.slice(top.lastIndexOf('/') + 1)}.outside`;
      link('/a', `../../../../../../..${tmpdir()}/${name}`);
      link('/d/up', '../..');
      expect(await root.text('/a')).toBeUndefined();
      expect(await root.text(`/d/up/${name}`)).toBeUndefined();
      expect(await root.text(`/../${name}`)).toBeUndefined();
      expect(await root.text('/d/../../etc/passwd')).toBeUndefined();
    } finally {
      rmSync(`${top}.outside`);
    }
  });

  it('names the target of a link that dangles', async () => {
    link('/sys/devices/pci/0/driver', '../../../bus/pci/drivers/ixgbe');
    link('/sys/class/net/eth0', '../../devices/pci/0');
    expect(await root.link('/sys/class/net/eth0/driver')).toBe('/sys/bus/pci/drivers/ixgbe');
    expect(await root.text('/sys/class/net/eth0/driver')).toBeUndefined();
  });

  it('ends on a loop of links with read.failed', async () => {
    link('/loop', 'loop');
    link('/ping', 'pong');
    link('/pong', 'ping');
    for (const path of ['/loop', '/ping', '/ping/x']) {
      await expect(root.text(path)).rejects.toMatchObject({ code: 'read.failed' });
    }
  });

  it('refuses a FIFO, a directory and a huge file without waiting', async () => {
    execFileSync('mkfifo', [join(top, 'fifo')]);
    put('/big', '');
    truncateSync(join(top, 'big'), 2 ** 30);
    await expect(root.text('/fifo')).rejects.toMatchObject({
      code: 'read.not-a-file',
      details: { path: '/fifo' },
    });
    await expect(root.text('/')).rejects.toMatchObject({ code: 'read.not-a-file' });
    await expect(root.text('/big')).rejects.toMatchObject({ code: 'read.too-large' });
    expect(await root.bytes('/big', { offset: 2 ** 29, length: 4 })).toEqual(new Uint8Array(4));
  });

  it('answers a command by the text file of its name', async () => {
    put('/dmidecode.txt', '# dmidecode 3.3\n');
    expect(await root.exec('dmidecode', [])).toBe('# dmidecode 3.3\n');
    expect(await root.exec('dmidecode', ['-t', '4'])).toBeUndefined();
    expect(await root.exec('ipmitool', [])).toBeUndefined();
  });
});

it('refuses a root that is no directory', async () => {
  await expect(openRoot('/nowhere/at/all')).rejects.toMatchObject({ code: 'config.invalid' });
});
