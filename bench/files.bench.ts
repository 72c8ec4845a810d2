// Measures how fast 50 machines at once fetch an initramfs, against nginx with sendfile on the same files. Needs
// nginx and curl. On loopback there is no link to saturate, so it is processors that are compared.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMissing } from '../initramfs/tools.ts';
import { processFigures } from './load/server-process.ts';
import { freePort } from '../initramfs/machine/free-port.ts';

const machines = 50;
const fileBytes = 33 * 1024 ** 2;
const rounds = 3;

const missing = ['nginx', 'curl'].filter((tool) => isMissing(tool));
if (missing.length > 0) {
  console.error(`needs ${missing.join(' and ')}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'bench-files-'));
mkdirSync(join(folder, 'boot', 'x86_64'), { recursive: true });
for (const name of ['kernel', 'initramfs'])
  writeFileSync(join(folder, 'boot', 'x86_64', name), Buffer.alloc(fileBytes, name));

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
}

async function start(program: string, args: readonly string[], port: number): Promise<Server> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}/boot/x86_64/initramfs`;
  for (;;) {
    const isUp = await fetch(url, { method: 'HEAD' }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return { child, url };
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

async function startOurs(): Promise<Server> {
  const port = await freePort();
  const program = join(import.meta.dirname, '../src/cli/dragonfly-server.ts');
  const place = ['--listen', `127.0.0.1:${port}`, '--boot-dir', join(folder, 'boot')];
  return start(process.execPath, [program, '--store', 'memory:', ...place], port);
}

async function startNginx(): Promise<Server> {
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on;
${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
server { listen 127.0.0.1:${port}; root ${folder}; } }
`,
  );
  return start('nginx', ['-c', config, '-e', 'stderr'], port);
}

/** Milliseconds until each machine has its file. */
async function fetchAll({ url }: Server): Promise<number> {
  const startedMs = performance.now();
  const args = ['--silent', '--fail', '--output', '/dev/null', url];
  await Promise.all(
    Array.from(
      { length: machines },
      () =>
        new Promise<void>((resolve, reject) => {
          spawn('curl', args, { stdio: 'ignore' }).once('exit', (code) => {
            if (code === 0) resolve();
            else reject(new Error(`curl ended with ${code}`));
          });
        }),
    ),
  );
  return performance.now() - startedMs;
}

/** The fastest of some rounds, and the processor's time of one. */
async function measure(server: Server): Promise<{ ms: number; cpuMs: number }> {
  await fetchAll(server);
  const pid = server.child.pid ?? 0;
  const before = processFigures(pid).cpuMs;
  const times: number[] = [];
  for (let i = 0; i < rounds; i += 1) times.push(await fetchAll(server));
  return { ms: Math.min(...times), cpuMs: (processFigures(pid).cpuMs - before) / rounds };
}

const servers = { ours: await startOurs(), nginx: await startNginx() };
try {
  const [ours, nginx] = [await measure(servers.ours), await measure(servers.nginx)];
  const speed = ({ ms }: { ms: number }): string =>
    `${((machines * fileBytes) / 1e6 / ms).toFixed(2)} GB/s`;
  console.log(
    `${machines} machines fetch ${fileBytes >> 20} MiB each: ${speed(ours)}, nginx ${speed(nginx)};` +
      ` ${(nginx.ms / ours.ms).toFixed(2)} x its speed (target >= 0.8),` +
      ` ${(ours.cpuMs / Math.max(nginx.cpuMs, 1)).toFixed(1)} x its processor's time`,
  );
} finally {
  for (const { child } of Object.values(servers)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}
