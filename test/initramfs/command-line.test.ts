// The command lines of the programs that build and boot the image.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectDir } from '../../initramfs/tools.ts';

function run(program: string, ...args: string[]) {
  const file = join(projectDir, 'initramfs', `${program}.ts`);
  return spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
}

describe.each(['boot', 'build-exe', 'build-image'])('%s', (program) => {
  it('prints its usage for --help', () => {
    const { status, stdout, stderr } = run(program, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^usage: npm run [\s\S]*--arch x64\|arm64/);
  });

  it('answers what it does not know with the reason and its usage', () => {
    const { status, stdout, stderr } = run(program, '--nope');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Unknown option '--nope'[^\n]*\n\nusage: npm run /);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

it.each([
  ['build-exe', ['--arch', 'mips'], '--arch mips: it is x64 or arm64'],
  ['build-exe', ['--arch'], "Option '--arch <value>' argument missing"],
  ['build-exe', ['word'], "Unexpected argument 'word'"],
  ['build-image', ['--profile', 'desktop'], '--profile desktop: it is virt or server'],
  ['boot', ['--memory', 'much'], '--memory much: it is a number of MiB'],
] as const)('%s %j is refused with what can be used', (program, args, reason) => {
  const { status, stderr } = run(program, ...args);
  expect(status).toBe(2);
  expect(stderr.startsWith(reason)).toBe(true);
});
