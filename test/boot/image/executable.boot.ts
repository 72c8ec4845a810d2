// The single executable on this host: every command works in it, although much of Node is left out.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { thisArch } from '../../../initramfs/arch.ts';
import { buildExecutable } from '../../../initramfs/build-exe.ts';
import { copyAgent } from '../../../initramfs/content/agent-program.ts';
import { projectDir } from '../../../initramfs/tools.ts';
import { formatRequest } from '../../../src/sources/isolated/reads.ts';
import { startServer } from '../../agent/server.ts';

const program = join(projectDir, 'dist', `dragonfly-agent-linux-${process.arch}`);
const machine = join(projectDir, 'fixtures', 'machines', 'qemu-two-sockets', 'root');
const scratch = mkdtempSync(join(tmpdir(), 'executable-'));
const server = await startServer();
afterAll(async () => {
  await server.close();
  rmSync(scratch, { recursive: true });
});

async function finish(args: readonly string[], env = process.env, file = program) {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const [out, err] = await Promise.all([child.stdout, child.stderr].map((s) => s.toArray()));
  const text = (chunks: unknown): string => String(Buffer.concat(chunks as Buffer[]));
  return { code: await ended, out: text(out), err: text(err) };
}

/** The executable as the netboot image has it, here with the image's files in a folder. */
function inImage(): string {
  const image = join(scratch, 'image');
  const starter = join(image, copyAgent(thisArch(), program, image));
  const text = readFileSync(starter, 'latin1');
  if (text.startsWith('#!')) writeFileSync(starter, text.replaceAll('/image/', `${image}/`));
  return starter;
}

describe.each([
  ['the executable', program],
  ['the executable in the order of its use', inImage()],
])('%s', (_, file) => {
  const capture = join(scratch, 'machine.tar.gz');

  it.each([
    [['inventory', '--json', '--root', machine], 0, '"primary_mac"'],
    [['inventory', '--yaml', '--root', machine], 0, 'primary_mac:'],
    [['identify', '--explain', '--root', machine], 0, 'primary MAC'],
    [['capture', '--root', machine, '-o', capture], 0, ''],
    [['inventory', '--root', capture], 0, 'primary MAC'],
    [['config', '--server', server.url], 0, server.url],
    [['doctor', '--server', 'https://127.0.0.1:1'], 1, 'FAIL  server'],
    [['run', '--once', '--root', capture, '--server', server.url], 0, '"machine_id"'],
    [['run', '--once', '--root', machine, '--server', 'https://127.0.0.1:1'], 2, ''],
    // Parts that were left out are named.
    [['simulate', '--machines', '3'], 2, ''],
    [['inventory', '--portable'], 2, ''],
    [['--help'], 0, 'Commands:'],
    [['completion'], 0, 'complete -F'],
    [['--complete', 'inv'], 0, 'inventory'],
  ] as const)('%j ends with %i', async (args, code, shown) => {
    const found = await finish(args, process.env, file);
    expect(found).toEqual({
      code,
      out: expect.stringContaining(shown),
      err: expect.not.stringMatching(/Warning|This is a bug/),
    });
  });

  it('reads the files of a directory for another process', () => {
    const input = formatRequest({ method: 'text', path: '/proc/sys/kernel/hostname' });
    const { stdout } = spawnSync(file, ['read-files', machine], { input, encoding: 'utf8' });
    const base64 = readFileSync(join(machine, 'proc/sys/kernel/hostname'), 'base64');
    expect(stdout).toBe(`{}\n${JSON.stringify({ base64 })}\n`);
  });

  it('reads disks and other files that may hang by another process of its own', async () => {
    const found = await finish(['inventory', '--json'], process.env, file);
    expect(found.out).not.toContain('the process that reads files has ended');
    expect(found).toMatchObject({ code: 0, out: expect.stringContaining('"disks"') });
  });
});

describe('the executable', () => {
  it('has the same bytes from a host with settings and a proxy of its own', async () => {
    const before = readFileSync(program);
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1');
    vi.stubEnv('DRAGONFLY_TOKEN', 'of the host that builds');
    await buildExecutable(thisArch());
    vi.unstubAllEnvs();
    expect(readFileSync(program).equals(before)).toBe(true);
  });

  it('has the compiled form of what a check-in calls', () => {
    const text = readFileSync(program).toString('latin1');
    // In the source it stands once; in a compiled function it is a constant.
    expect(text.split('api/agent/checkin').length - 1).toBeGreaterThan(1);
  });

  it('works where the processor or a flag makes its compiled form useless', async () => {
    const args = ['inventory', '--json', '--root', machine];
    const cold = await finish(args, { ...process.env, NODE_OPTIONS: '--jitless' });
    expect(cold).toEqual(await finish(args));
  });
});
