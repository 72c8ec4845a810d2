// Measures an agent at rest: its memory, child processes included, against that of a bare node with an open
// socket, and its use of a core.
// Needs `npm run build`: it measures the program as it is installed.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf, processFigures, ServerProcess } from './load/server-process.ts';

const program = join(import.meta.dirname, '../dist/bin/dragonfly-agent.js');
if (!existsSync(program)) {
  console.error('there is no dist/bin/dragonfly-agent.js: run npm run build first');
  process.exit(2);
}
const settleMs = 20_000;
const watchMs = 30_000;

const bareSocket = `
const net = require('node:net');
const server = net.createServer().listen(0, '127.0.0.1', () => {
  net.connect(server.address().port, '127.0.0.1');
});`;
const httpSocket = (url: string): string => `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true });
const ask = () => http.get('${url}/api/health', { agent }, (answer) => answer.resume());
ask();
setInterval(ask, 2000);`;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: 'ignore' });
}

const server = await ServerProcess.start();
const state = mkdtempSync(join(tmpdir(), 'bench-agent-'));
const bare = start('-e', bareSocket);
const http = start('-e', httpSocket(server.url));
const agent = start(program, 'run', '--server', server.url, '--state-dir', state);
await pause(settleMs);
const of = (child: ChildProcess) => {
  const all = [child.pid ?? 0, ...childrenOf(child.pid ?? 0)].map(processFigures);
  const sum = (figure: 'rssKb' | 'cpuMs'): number => all.reduce((so, one) => so + one[figure], 0);
  return { rssKb: sum('rssKb'), cpuMs: sum('cpuMs') };
};
const before = of(agent);
await pause(watchMs);
const [bareKb, httpKb, after] = [of(bare).rssKb, of(http).rssKb, of(agent)];
const megabytes = (kb: number): string => `${(kb / 1024).toFixed(1)} MB`;
const cpu = (after.cpuMs - before.cpuMs) / watchMs;
const ratio = after.rssKb / bareKb;
console.log(
  `RSS at rest ${megabytes(after.rssKb)}: ${ratio.toFixed(2)} × an idle node with an open socket, ` +
    `${megabytes(bareKb)} (target: at most 1.3)`,
);
console.log(
  `  ${(after.rssKb / httpKb).toFixed(2)} × a node that does nothing but ask over node:http every 2 s, ` +
    megabytes(httpKb),
);
console.log(`CPU at rest ${(cpu * 100).toFixed(3)} % of a core (target: under 0.1 %)`);
for (const child of [bare, http, agent]) child.kill();
await server.remove();
rmSync(state, { recursive: true });
process.exit(ratio <= 1.3 && cpu < 0.001 ? 0 : 1);
