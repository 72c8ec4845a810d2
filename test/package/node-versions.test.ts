// Nodes that are too old, and the oldest that are not. Needs dist/, which `npm ci` builds.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { nodeFault, supportedNode } from '../../src/supported-node.ts';
import { fetchNode, outsideEnv, repository } from './registry.ts';

const entries = Object.keys(manifest.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => entry.replace('.', manifest.name));

/** This machine's own Node, if it is too old. */
function ownOldNode(test: TestContext): string {
  const { stdout } = spawnSync('node', ['-p', 'process.versions.node'], {
    encoding: 'utf8',
    env: outsideEnv,
  });
  const version = stdout?.trim() ?? '';
  test.skip(version === '' || nodeFault(version) === undefined, 'this machine has no old Node');
  return execFileSync('node', ['-p', 'process.execPath'], {
    encoding: 'utf8',
    env: outsideEnv,
  }).trim();
}

function run(node: string, args: readonly string[]) {
  return spawnSync(node, args, { cwd: repository, encoding: 'utf8', env: outsideEnv });
}

/** The endings of programs and library: the programs' status and output, the library's error. */
function endings(node: string): readonly string[] {
  const programs = Object.values(manifest.bin).map((program) => {
    const { status, stdout, stderr } = run(node, [program, '--help']);
    return `${status}: ${stdout}${stderr}`;
  });
  const imports = entries.map((entry) => {
    const source = `import('${entry}').catch((err) => console.log(err.code + ': ' + err.message));`;
    return run(node, ['--eval', source]).stdout;
  });
  return [...programs, ...imports];
}

/** The same, as it should be. */
function refusals(node: string): readonly string[] {
  const version = run(node, ['-p', 'process.versions.node']).stdout.trim();
  const sentence = `dragonfly-agent needs Node 22.21 or a later 22, or Node 24.5 or later; this is Node ${version}\n`;
  return [
    ...Object.keys(manifest.bin).map(() => `2: ${sentence}`),
    ...entries.map(() => `node.unsupported: ${sentence}`),
  ];
}

/** The needs of a supported Node: the embedded store, the server, and an agent that reaches it through a
 *  proxy. */
const roundTrip = `
  import { createServer, request } from 'node:http';
  import { mkdtempSync, rmSync } from 'node:fs';
  import { createApp, openStore, systemClock } from 'dragonfly-agent';
  import { HttpTransport } from 'dragonfly-agent/agent';
  const directory = mkdtempSync('/tmp/dragonfly-node-');
  const store = await openStore('lmdb:' + directory);
  const app = await createApp({ store, clock: systemClock });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const asked = [];
  const proxy = createServer((from, to) => {
    asked.push(from.url);
    const { port } = app.server.address();
    const { method, headers } = from;
    const path = new URL(from.url).pathname;
    const onward = request({ host: '127.0.0.1', port, method, headers: { ...headers, host: 'localhost' }, path });
    onward.on('response', (answer) => answer.pipe(to.writeHead(answer.statusCode, answer.headers)));
    from.pipe(onward);
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  const http = 'http://127.0.0.1:' + proxy.address().port;
  const agent = new HttpTransport('http://machines.example', { clock: systemClock, proxy: { http } });
  proxy.on('connect', (from, socket) => socket.end('HTTP/1.1 407 Who are you\\r\\n\\r\\n'));
  const https = http.replace('//', '//me:secret@');
  const refused = new HttpTransport('https://machines.example', { clock: systemClock, proxy: { https } });
  const { cause } = await refused.greet({ signal: new AbortController().signal }).catch((err) => err);
  const isSecret = cause.stack.includes('407') && !cause.stack.includes('secret');
  const answer = await agent.checkIn({ mac: '02:00:00:00:00:01' }, { signal: new AbortController().signal });
  const machine = await app.inject('/api/machines/' + answer.machine_id);
  console.log(JSON.stringify({ asked, status: machine.statusCode, isSecret }));
  await agent.close();
  proxy.close();
  await app.close();
  await store.close();
  rmSync(directory, { recursive: true });
`;

describe('the Node that is needed', () => {
  it("is what the package's engines say", () => {
    expect(manifest.engines.node).toBe(supportedNode);
  });

  it.each(['22.21.0', '22.23.3', '24.5.0', '25.0.0', '26.10.0', '30.0.0'])(
    'may be %s',
    (version) => {
      expect(nodeFault(version)).toBeUndefined();
    },
  );

  it.each(['0.10.48', '12.22.12', '20.20.2', '22.20.0', '23.11.1', '24.4.1'])(
    'may not be %s',
    (version) => {
      expect(nodeFault(version)).toContain(`this is Node ${version}`);
    },
  );
});

describe('on a Node that is too old', () => {
  it("programs and library end with one sentence: this machine's", (test) => {
    const node = ownOldNode(test);
    expect(endings(node)).toEqual(refusals(node));
  });

  it.for(['12.22.12', '14.21.3', '16.20.2', '18.20.8'])(
    'programs and library end with one sentence: Node %s',
    { timeout: 120_000 },
    (version, test) => {
      const node = fetchNode(test, version);
      expect(endings(node)).toEqual(refusals(node));
    },
  );
});

describe('on the oldest Node that is supported', () => {
  it.for(['22.21.0', '24.5.0'])(
    'store, server, agent and proxy work: %s',
    { timeout: 120_000 },
    (version, test) => {
      const node = fetchNode(test, version);
      const { stdout, status } = run(node, ['--input-type=module', '--eval', roundTrip]);
      const asked = ['http://machines.example/api/agent/checkin'];
      expect({ stdout, status }).toEqual({
        stdout: `${JSON.stringify({ asked, status: 200, isSecret: true })}\n`,
        status: 0,
      });
      const inventory = run(node, [manifest.bin['dragonfly-agent'], 'inventory', '--json']);
      expect(JSON.parse(inventory.stdout)).toHaveProperty('identity');
      const directory = mkdtempSync(join(tmpdir(), 'dragonfly-node-'));
      test.onTestFinished(() => {
        rmSync(directory, { recursive: true });
      });
      const create = ['token', 'create', 'me', '--scope', 'full', '--data', directory];
      const created = run(node, [manifest.bin['dragonfly-server'], ...create]);
      expect({ status: created.status, stderr: created.stderr }).toEqual({ status: 0, stderr: '' });
    },
  );
});
