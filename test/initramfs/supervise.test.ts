// The script that keeps the agent running in the netboot image: whom it ends as an agent that was left.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { architectures, thisArch } from '../../initramfs/arch.ts';
import { projectDir } from '../../initramfs/tools.ts';
import { temporaryDirectory } from '../server/harness.ts';

const script = readFileSync(join(projectDir, 'initramfs/root/lib/dragonfly/supervise'), 'utf8');
const [endFormer = ''] = /^end_former_agent\(\) \{\n[^]*?^\}$/m.exec(script) ?? [];
const sleep = execFileSync('sh', ['-c', 'command -v sleep'], { encoding: 'utf8' }).trim();
const loader = `/${architectures[thisArch()].loader}`;

/** Starts a program, has the script end what was left of an agent with its number, and gives the program. */
async function leave(file: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(file, args, { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('spawn', resolve));
  const run = temporaryDirectory();
  writeFileSync(join(run, 'agent-pid'), `${child.pid}\n`);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const ending = spawn('sh', ['-c', `run=$0; ${endFormer}\nend_former_agent`, run]);
  await new Promise((resolve) => ending.once('exit', resolve));
  // Another program is not waited for: the script has ended without a signal to it.
  if (child.signalCode === null && !isAlive(child)) await ended;
  return child;
}

function isAlive({ pid }: ChildProcess): boolean {
  return / [RS] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('a program with the number of a former agent', () => {
  it('is ended if it is an agent, by its file or started by the dynamic linker', async () => {
    const agent = join(temporaryDirectory(), 'dragonfly-agent');
    copyFileSync(sleep, agent);
    expect(await leave(agent, ['60'])).toMatchObject({ signalCode: 'SIGKILL' });
    expect(await leave(loader, [sleep, '60'])).toMatchObject({ signalCode: 'SIGKILL' });
  });

  it('is let be if it only names the agent', async () => {
    const editor = ['-e', 'setInterval(Date, 1000)', '/run/dragonfly-agent.txt'];
    const child = await leave(process.execPath, editor);
    expect(child.signalCode).toBeNull();
    expect(isAlive(child)).toBe(true);
  });
});
