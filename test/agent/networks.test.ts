// The agent's own program in network namespaces, against a server in another one. Needs root; a kernel
// without VLANs or bonds skips what needs them.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Machine } from '../../src/model/machine.ts';

const here = import.meta.dirname;
const agentProgram = join(here, '../../src/cli/dragonfly-agent.ts');
const tag = `df${process.pid}`;
const serverNs = `${tag}s`;
const clientNs = `${tag}c`;
const mac = '02:00:00:00:00:01';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

function inNs(ns: string, line: string): void {
  ip('netns', 'exec', ns, ...line.split(' '));
}

/** True if this kernel and user can set up the networks. */
function can(...lines: string[]): boolean {
  const ns = `${tag}t`;
  try {
    ip('netns', 'add', ns);
    try {
      for (const line of lines) inNs(ns, line);
      return true;
    } finally {
      ip('netns', 'del', ns);
    }
  } catch {
    return false;
  }
}

const hasNamespaces = can('ip link add p0 type veth peer name p1');
const vlanLink = 'ip link add link p0 name p0.7 type vlan id 7';
const hasVlans = hasNamespaces && can('ip link add p0 type veth peer name p1', vlanLink);
const hasBonds = hasNamespaces && can('ip link add bond0 type bond mode active-backup');

function hasTool(tool: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasNamespaces)('an agent (skipped where no network namespace can be made)', () => {
  let server: ChildProcess;
  let lines: Interface;
  const files = mkdtempSync(join(tmpdir(), 'networks-'));
  const children: ChildProcess[] = [];
  const cables: string[] = [];

  beforeAll(async () => {
    ip('netns', 'add', serverNs);
    inNs(serverNs, 'ip link set lo up');
    server = spawn(
      'ip',
      ['netns', 'exec', serverNs, process.execPath, join(here, 'namespace-server.ts')],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    if (server.stdout === null) throw new Error('no output');
    lines = createInterface({ input: server.stdout });
    await nextLine();
  }, 60_000);

  afterAll(async () => {
    await end(server);
    ip('netns', 'del', serverNs);
    rmSync(files, { recursive: true });
  });

  beforeEach(() => {
    ip('netns', 'add', clientNs);
    inNs(clientNs, 'ip link set lo up');
    mkdirSync(`/etc/netns/${clientNs}`, { recursive: true });
    writeFileSync(`/etc/netns/${clientNs}/resolv.conf`, '');
  });

  afterEach(async () => {
    for (const child of children.splice(0)) await end(child);
    for (const name of cables.splice(0)) inNs(serverNs, `ip link del ${name}`);
    ip('netns', 'del', clientNs);
    rmSync(`/etc/netns/${clientNs}`, { recursive: true });
  });

  function nextLine(): Promise<string> {
    return new Promise((resolve) => {
      lines.once('line', resolve);
    });
  }

  async function records(): Promise<Machine[]> {
    const answer = nextLine();
    server.stdin?.write('\n');
    // The output of namespace-server.ts.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return JSON.parse(await answer) as Machine[];
  }

  /** A cable between client and server, with the name that the client gives its end. The ports of a
   *  namespace are none of hardware: the agent is told the MAC of the port booted from. */
  function cable(name: string, up = true): void {
    ip(
      'link',
      'add',
      name,
      'netns',
      clientNs,
      'type',
      'veth',
      'peer',
      'name',
      name,
      'netns',
      serverNs,
    );
    cables.push(name);
    if (name === 'eth0') inNs(clientNs, `ip link set eth0 address ${mac}`);
    if (!up) return;
    inNs(clientNs, `ip link set ${name} up`);
    inNs(serverNs, `ip link set ${name} up`);
  }

  function address(name: string, client: string, ofServer: string): void {
    const options = client.includes(':') ? ' nodad' : '';
    inNs(clientNs, `ip addr add ${client} dev ${name}${options}`);
    inNs(serverNs, `ip addr add ${ofServer} dev ${name}${options}`);
  }

  /** Starts the agent in the client's namespace; its log comes line by line. */
  function startAgent(args: string[], env: Record<string, string> = {}) {
    // One directory for all: they are one boot of one machine, whose requests are counted on.
    const common = ['--mac', mac, '--state-dir', files];
    const child = spawn(
      'ip',
      ['netns', 'exec', clientNs, process.execPath, agentProgram, 'run', ...common, ...args],
      { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    children.push(child);
    return child;
  }

  /** Lets the agent check in once and gives the address that the server has of it. */
  async function checkIn(args: string[], env: Record<string, string> = {}) {
    const child = startAgent(['--once', ...args], env);
    const [out, err] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    expect(err).toBe('');
    expect(JSON.parse(out)).toHaveProperty('machine_id');
    return (await records()).map((m) => m.report?.ip_address);
  }

  /** Resolves when the agent logs this sentence. */
  async function logs(child: ChildProcess, sentence: string): Promise<void> {
    if (child.stderr === null) throw new Error('no log');
    for await (const line of createInterface({ input: child.stderr })) {
      if (line.includes(sentence)) return;
    }
    throw new Error(`the agent ended before it said "${sentence}"`);
  }

  it('checks in over a network that is IPv6 only', async () => {
    cable('eth0');
    address('eth0', 'fd00:7::2/64', 'fd00:7::1/64');
    expect(await checkIn(['--server', 'http://[fd00:7::1]:3000'])).toEqual(['fd00:7::2']);
  });

  it('checks in through a proxy where there is no route to the server', async () => {
    cable('eth0');
    address('eth0', '10.77.1.2/24', '10.77.1.1/24');
    inNs(serverNs, 'ip addr replace 10.99.0.1/32 dev lo');
    const server3000 = ['--server', 'http://10.99.0.1:3000'];
    const env = { http_proxy: 'http://10.77.1.1:3128' };
    expect(await checkIn(server3000, env)).toEqual(['10.77.1.2']);
    const without = startAgent(['--once', ...server3000]);
    expect(await textOf(without.stderr)).toContain('[server.unreachable]');
  });

  it('checks in with a server that only its second port leads to', async () => {
    cable('eth0');
    cable('eth1');
    address('eth0', '10.77.2.2/24', '10.77.2.254/24');
    address('eth1', '10.77.3.2/24', '10.77.3.1/24');
    inNs(clientNs, 'ip route add default via 10.77.2.99');
    expect(await checkIn(['--server', 'http://10.77.3.1:3000'])).toEqual(['10.77.2.2']);
  });

  it.skipIf(!hasVlans)('checks in over a VLAN (skipped by a kernel without)', async () => {
    cable('eth0');
    for (const ns of [clientNs, serverNs]) {
      inNs(ns, 'ip link add link eth0 name eth0.7 type vlan id 7');
      inNs(ns, 'ip link set eth0.7 up');
    }
    address('eth0.7', '10.77.4.2/24', '10.77.4.1/24');
    expect(await checkIn(['--server', 'http://10.77.4.1:3000'])).toEqual(['10.77.4.2']);
  });

  it.skipIf(!hasBonds)('checks in over a bond (skipped by a kernel without)', async () => {
    cable('eth0', false);
    cable('eth1', false);
    for (const ns of [clientNs, serverNs]) {
      inNs(ns, 'ip link add bond0 type bond mode active-backup');
      for (const port of ['eth0', 'eth1']) inNs(ns, `ip link set ${port} master bond0`);
      inNs(ns, 'ip link set bond0 up');
    }
    address('bond0', '10.77.5.2/24', '10.77.5.1/24');
    expect(await checkIn(['--server', 'http://10.77.5.1:3000'])).toEqual(['10.77.5.2']);
    inNs(serverNs, 'ip link del bond0');
  });

  it('checks in again, as the same machine, when its address changes in flight', async () => {
    cable('eth0');
    address('eth0', '10.77.6.2/24', '10.77.6.1/24');
    const agent = startAgent(['--interval', '1', '--server', 'http://10.77.6.1:3000']);
    await logs(agent, 'checked in');
    const before = await records();
    inNs(clientNs, 'ip addr flush dev eth0');
    inNs(clientNs, 'ip addr add 10.77.6.77/24 dev eth0');
    await logs(agent, 'checked in');
    const after = await records();
    expect(before[0]?.report?.ip_address).toBe('10.77.6.2');
    expect(after.map((m) => [m.id, m.report?.ip_address])).toEqual([[before[0]?.id, '10.77.6.77']]);
  });

  it('waits for a network that comes up after it', async () => {
    const agent = startAgent(['--server', 'http://10.77.7.1:3000']);
    await logs(agent, 'agent started');
    cable('eth0');
    address('eth0', '10.77.7.2/24', '10.77.7.1/24');
    await logs(agent, 'checked in');
    expect((await records()).map((m) => m.report?.ip_address)).toEqual(['10.77.7.2']);
  });

  it.skipIf(!hasTool('dnsmasq'))(
    'finds its server by DNS SRV, and goes on when names resolve again (skipped without dnsmasq)',
    { timeout: 60_000 },
    async () => {
      cable('eth0');
      address('eth0', '10.77.8.2/24', '10.77.8.1/24');
      const resolver = 'search lab.test\nnameserver 10.77.8.1\noptions timeout:1 attempts:1\n';
      writeFileSync(`/etc/netns/${clientNs}/resolv.conf`, resolver);
      const dns = () => {
        const names = [
          '--srv-host=_dragonfly._tcp.lab.test,boot.lab.test,3000',
          '--host-record=boot.lab.test,10.77.8.1',
        ];
        const options = [
          '--keep-in-foreground',
          '--no-resolv',
          '--no-hosts',
          '--pid-file=',
          '--conf-file=/dev/null',
        ];
        const child = spawn('ip', ['netns', 'exec', serverNs, 'dnsmasq', ...options, ...names]);
        children.push(child);
        return child;
      };
      const first = dns();
      expect(await checkIn([])).toEqual(['10.77.8.2']);
      await end(first);
      const agent = startAgent(['--server', 'http://boot.lab.test:3000']);
      await logs(agent, 'server.unreachable');
      dns();
      await logs(agent, 'checked in');
      expect(await records()).toHaveLength(1);
    },
  );
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill();
  await ended;
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}
