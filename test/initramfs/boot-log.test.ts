// The boot's log in the netboot image, as its watchdog script keeps it short.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectDir } from '../../initramfs/tools.ts';
import { temporaryDirectory } from '../server/harness.ts';

const script = readFileSync(join(projectDir, 'initramfs/root/lib/dragonfly/watchdog'), 'utf8');
const [cutLog = ''] = /^cut_log\(\) \{\n[^]*?^\}$/m.exec(script) ?? [];

/** Cuts a log, into which two more lines are written meanwhile: one before it is replaced, one after, by a program that
 *  had opened the former file. */
function cut(text: string): { before: number; lines: string[] } {
  const run = temporaryDirectory();
  const log = join(run, 'boot.log');
  writeFileSync(log, text);
  const busy = `set -e; run=$0; exec 5>> $run/boot.log; usleep() { :; }
    mv() { echo '[8] before' >&5; command mv "$@"; echo '[9] after' >&5; }
    ${cutLog}
    cut_log`;
  execFileSync('sh', ['-c', busy, run]);
  const [, before, kept = ''] = /^#(\d+)\n(.*)$/s.exec(readFileSync(log, 'utf8')) ?? [];
  return { before: Number(before), lines: kept.split('\n').slice(0, -1) };
}

const numbered = (count: number, more: string): string =>
  Array.from({ length: count }, (_, i) => `[1.00] ${i}${more}\n`).join('');

it('numbers its lines right, and loses none that is written while it is cut', () => {
  const { before, lines } = cut(numbered(2000, ' x'.repeat(100)));
  expect(before).toBe(1500);
  expect(lines).toHaveLength(502);
  expect(lines[0]).toMatch(/^\[1\.00\] 1500 /);
  expect(lines.slice(-2)).toEqual(['[8] before', '[9] after']);
});

it('goes on from the numbers of an earlier cut, and counts lines of any kind', () => {
  const { before, lines } = cut(`#70\n${numbered(1999, ' x'.repeat(100))}one without a time\n`);
  expect(before).toBe(1570);
  expect(lines.at(-3)).toBe('one without a time');
});

it('keeps half of few lines that are long', () => {
  const { before, lines } = cut(numbered(100, ' x'.repeat(2000)));
  expect(before).toBe(50);
  expect(lines).toHaveLength(52);
});
