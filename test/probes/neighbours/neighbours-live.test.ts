// A switch that is lldpd in a network namespace, at the other end of a virtual cable, heard by the listener of the
// netboot image and by tcpdump. Needs root, ip, lldpd, tcpdump and gcc, and says so where one is missing.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { collect } from '../../../src/probes/collect.ts';
import { neighboursProbe } from '../../../src/probes/neighbours/neighbours.ts';
import { runCommand } from '../../../src/sources/command.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { MemoryRoot } from '../memory-root.ts';
import type { Root } from '../../../src/sources/root.ts';

const dir = mkdtempSync(join(tmpdir(), 'dragonfly-hear-'));
// lldpd gives up its rights.
chmodSync(dir, 0o755);
const here = `dfh${process.pid % 100_000}`;
const space = `dfsw${process.pid}`;
const listener = join(dir, 'hear-neighbours');
const socket = join(dir, 'lldpd.sock');
const source = join(import.meta.dirname, '../../../initramfs/c/hear-neighbours.c');
let daemon: ChildProcess | undefined;

function run(tool: string, ...args: string[]): string {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  return execFileSync(tool, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
}

function inside(...args: string[]): string {
  return run('ip', 'netns', 'exec', space, ...args);
}

async function startSwitch(): Promise<string | undefined> {
  try {
    run('gcc', '-Os', '-Wall', '-Wextra', '-Werror', '-o', listener, source);
    run('tcpdump', '--version');
    run('lldpd', '-v');
    run('ip', 'netns', 'add', space);
    run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', 'swport1', 'netns', space);
    run('ip', 'link', 'set', here, 'up');
    inside('ip', 'link', 'set', 'swport1', 'up');
    mkdirSync('/run/lldpd', { recursive: true });
    // Its name before it says the first word: what it is told later, it announces later.
    const named = 'echo sw7 > /proc/sys/kernel/hostname && exec "$@"';
    const lldpd = ['lldpd', '-d', '-u', socket, '-I', 'swport1'];
    const apart = ['netns', 'exec', space, 'unshare', '--uts', 'sh', '-c', named, 'sh'];
    daemon = spawn('ip', [...apart, ...lldpd], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    });
    for (let i = 0; i < 300; i++) {
      if ((await announce()) === 0) return undefined;
      await systemClock.sleep(100, new AbortController().signal);
    }
    return 'lldpd did not start';
  } catch (err) {
    return err instanceof Error ? (err.message.split('\n')[0] ?? '') : 'unknown';
  }
}

/** Makes the switch announce itself now. Left to itself, on a busy host it does so once and not again. */
async function announce(): Promise<number | null> {
  const args = ['netns', 'exec', space, 'lldpcli', '-u', socket, 'update'];
  const [code] = await once(spawn('ip', args, { stdio: 'ignore' }), 'close');
  return typeof code === 'number' ? code : null;
}

/** Does it again and again, until it is told to stop. */
async function goOnAnnouncing(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await announce();
    await systemClock.sleep(200, signal).catch(() => undefined);
  }
}

function stopSwitch(): void {
  daemon?.kill('SIGTERM');
  for (const args of [
    ['netns', 'del', space],
    ['link', 'del', here],
  ]) {
    try {
      run('ip', ...args);
    } catch {
      // It was not made, or went with the other.
    }
  }
  rmSync(dir, { recursive: true });
}

const missing = await startSwitch();
const why = missing === undefined ? '' : ` (skipped: ${missing})`;
// Nothing runs after tests that are skipped.
if (missing !== undefined) stopSwitch();
else afterAll(stopSwitch);

/** A host whose one port is this end of the cable, with one of the programs. */
function hostWith(program: string): Root {
  const nic = '/sys/devices/pci0000:00/0000:00:03.0';
  const memory = MemoryRoot.of({
    [`/sys/class/net/${here}`]: { link: `${nic}/net/${here}` },
    [`${nic}/net/${here}/device`]: { link: nic },
    [`${nic}/net/${here}/type`]: '1\n',
    [`${nic}/net/${here}/carrier`]: '1\n',
  });
  return {
    description: 'a host at a cable',
    text: (path) => memory.text(path),
    bytes: (path) => memory.bytes(path),
    list: (path) => memory.list(path),
    link: (path) => memory.link(path),
    exec: async (tool, args) => {
      if (!`${tool} ${args.join(' ')}`.includes(program)) return undefined;
      const file = tool === 'hear-neighbours' ? listener : tool;
      return await runCommand(file, args, { timeoutMs: 40_000, clock: systemClock });
    },
  };
}

describe.skipIf(missing !== undefined)(`a switch that announces itself${why}`, () => {
  it.each(['hear-neighbours', 'tcpdump'])(
    'is heard with %s',
    async (program) => {
      const heard = new AbortController();
      const announced = goOnAnnouncing(heard.signal);
      const { facts, problems } = await collect(hostWith(program), {
        probes: [neighboursProbe],
        timeoutMs: 40_000,
      });
      heard.abort();
      await announced;
      expect(problems).toEqual([]);
      expect(facts.neighbours).toMatchObject([
        { interface: here, neighbour: { system: 'sw7', port: 'swport1' } },
      ]);
    },
    45_000,
  );
});
