// The command lines of the programs that build and boot the image.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectDir } from '../../initramfs/tools.ts';

function run(program: string, ...args: string[]) {
  const file = join(projectDir, 'initramfs', `${program}.ts`);
  return spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
}

describe.each([
  ['boot', 'boot'],
  ['build-exe', 'build:exe'],
  ['build-image', 'build:initramfs'],
])('%s', (program, script) => {
  it('prints its help for --help', () => {
    const { status, stdout, stderr } = run(program, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/--arch x64\|arm64/);
    expect(stdout.startsWith(`Usage: npm run ${script} -- [options]\n`)).toBe(true);
  });

  it('refuses an unknown option, and names its help', () => {
    const { status, stdout, stderr } = run(program, '--nope');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      `npm run ${script} --: unknown option --nope (see npm run ${script} -- --help) [usage.invalid]\n`,
    );
  });
});

it.each([
  ['build-exe', ['--arch', 'mips'], '--arch must be one of x64, arm64, not "mips"'],
  ['build-exe', ['--arch'], '--arch needs a value'],
  ['build-exe', ['word'], 'unexpected argument "word"'],
  ['build-image', ['--profile', 'desktop'], '--profile must be one of virt, server'],
  ['trace-pages', ['--arch', 'mips'], '--arch must be one of x64, arm64, not "mips"'],
  ['trace-pages', ['--timeout', '0'], '--timeout must be a number from 1 to 86400, not "0"'],
  ['boot', ['--memory', 'much'], '--memory must be a number from 1 to 9999999, not "much"'],
] as const)('%s %j is refused with what can be used', (program, args, reason) => {
  const { status, stderr } = run(program, ...args);
  expect(status).toBe(2);
  expect(stderr).toContain(reason);
});

it('a program that Ctrl-C reaches twice, from the terminal and from npm, ends what it started', async () => {
  const source = join(projectDir, 'initramfs', 'command-line.ts');
  const program = `const { runProgram } = await import(${JSON.stringify(source)});
    const run = (_args, { signal }) => new Promise((resolve) => {
      const timer = setInterval(() => {}, 10);
      signal.addEventListener('abort', () => {
        process.kill(process.pid, 'SIGINT');
        setTimeout(() => {
          clearInterval(timer);
          process.stdout.write('cleaned up');
          resolve(3);
        }, 100);
      });
      process.kill(process.pid, 'SIGINT');
    });
    await runProgram({ name: 'x', describe: 'x', options: {}, settings: [], run });`;
  const args = ['--input-type=module', '--eval', program];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([stdout, status]).toEqual(['cleaned up', 3]);
});

it('a program whose reader and terminal went away ends what it started', async () => {
  const source = join(projectDir, 'initramfs', 'command-line.ts');
  const program = `const { runProgram } = await import(${JSON.stringify(source)});
    const print = () => process.stdout.write('more\\n');
    const run = (_args, { signal }) => new Promise((resolve) => {
      const timer = setInterval(print, 10);
      signal.addEventListener('abort', () => {
        process.kill(process.pid, 'SIGHUP');
        print();
        setTimeout(() => {
          clearInterval(timer);
          process.stderr.write('cleaned up');
          resolve(3);
        }, 100);
      });
    });
    await runProgram({ name: 'x', describe: 'x', options: {}, settings: [], run });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [status] = await once(child, 'close');
  expect([said, status]).toEqual(['cleaned up', 3]);
});
