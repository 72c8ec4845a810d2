// image2disk against the pipelines that people write images with, on loop devices, over HTTP from this
// host. Time and CPU are the median's ratio, both measured in turns. Reading back is stated apart.
// Needs root, loop devices, curl, zstd, gzip, qemu-img.
import { execFileSync, spawn } from 'node:child_process';
import {
  createReadStream,
  mkdtempSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const rounds = Number(process.env['ROUNDS'] ?? 5);
const GiB = 1024 ** 3;
const directory = mkdtempSync(join(tmpdir(), 'bench-image-'));
const file = (name: string): string => join(directory, name);
const sh = (script: string): void => {
  execFileSync('bash', ['-o', 'pipefail', '-c', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
};

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The installing program as one file, as the agent is: Node takes memory to read TypeScript. */
async function bundle(): Promise<void> {
  const build = await rolldown({
    input: join(import.meta.dirname, 'load/install-image.ts'),
    platform: 'node',
  });
  await build.write({ dir: directory, format: 'esm', entryFileNames: 'install-image.js' });
  await build.close();
  writeFileSync(file('package.json'), '{ "type": "module" }');
}

/** A GPT image of a GiB, 42 % of it real files, spread in runs of 16 MiB. */
function makeImage(): void {
  truncateEmpty(file('raw'), GiB);
  sh(`tar -C / -c usr 2>/dev/null | head -c ${430 * 1024 ** 2} > ${file('data')} || true`);
  sh(
    `for i in $(seq 0 26); do dd if=${file('data')} of=${file('raw')} bs=1M skip=$((i*16)) seek=$((2+i*37)) count=16 conv=notrunc status=none; done`,
  );
  execFileSync('/usr/sbin/sfdisk', ['--quiet', file('raw')], { input: 'label: gpt\ntype=L\n' });
  sh(`zstd -q -3 ${file('raw')} -o ${file('zst')}; gzip -1 -c ${file('raw')} > ${file('gz')}`);
  sh(
    `qemu-img convert -O qcow2 -c ${file('raw')} ${file('qcow2c')}; qemu-img convert -O qcow2 ${file('raw')} ${file('qcow2')}`,
  );
  sh(
    `truncate -s 10G ${file('raw10')}; dd if=${file('raw')} of=${file('raw10')} bs=1M count=1023 conv=notrunc,sparse status=none`,
  );
  sh(`zstd -q -1 ${file('raw10')} -o ${file('zst10')}; sync`);
}

function truncateEmpty(path: string, bytes: number): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
}

const server = createServer((request, response) => {
  const path = file((request.url ?? '/').slice(1));
  const { size } = statSync(path);
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = last === undefined || last === '' ? size - 1 : Number(last);
  response.writeHead(first === undefined ? 200 : 206, {
    'content-length': end - start + 1,
    etag: '"1"',
    ...(first === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  createReadStream(path, { start, end, highWaterMark: 1 << 20 }).pipe(response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;

/** A disk of its own for each run. */
async function onDisk<T>(bytes: number, use: (device: string) => Promise<T>): Promise<T> {
  truncateEmpty(file('disk'), bytes);
  const device = execFileSync('losetup', ['-f', '--show', '--direct-io=on', file('disk')], {
    encoding: 'utf8',
  }).trim();
  try {
    return await use(device);
  } finally {
    execFileSync('losetup', ['-d', device]);
    rmSync(file('disk'));
  }
}

function ours(name: string, verify: string, bytes = 2 * GiB): Promise<Run> {
  return onDisk(bytes, async (device) => {
    const child = spawn(
      process.execPath,
      [file('install-image.js'), `${url}/${name}`, device, verify],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    await once(child, 'close');
    const run: Run = JSON.parse(text);
    return run;
  });
}

function peer(script: (device: string) => string): Promise<Run> {
  return onDisk(2 * GiB, async (device) => {
    const child = spawn(
      'bash',
      ['-o', 'pipefail', '-c', `TIMEFORMAT='%R %U %S'; time { ${script(device)}; }`],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`the peer failed: ${text}`);
    const [seconds = NaN, user = NaN, system = NaN] = (text.trim().split('\n').at(-1) ?? '')
      .split(' ')
      .map(Number);
    return { seconds, cpuSeconds: user + system, rssMb: NaN };
  });
}

const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

async function compare(
  name: string,
  targets: { time: number; cpu?: number },
  script: (device: string) => string,
): Promise<void> {
  const runs: { ours: Run[]; peers: Run[] } = { ours: [], peers: [] };
  for (let round = 0; round < rounds; round++) {
    runs.peers.push(await peer(script));
    runs.ours.push(await ours(name, 'none'));
  }
  const ratio = (of: (run: Run) => number): number =>
    median(runs.ours.map(of)) / median(runs.peers.map(of));
  const time = ratio((run) => run.seconds);
  const cpu = ratio((run) => run.cpuSeconds);
  const rss = Math.max(...runs.ours.map((run) => run.rssMb));
  const [own, others] = [runs.ours, runs.peers].map((list) =>
    median(list.map((run) => run.seconds)),
  );
  console.log(
    `${name.padEnd(8)} time ${time.toFixed(2)} × (target ≤ ${targets.time}; ${own?.toFixed(2)} s to ${others?.toFixed(2)} s)` +
      `  CPU ${cpu.toFixed(2)} ×${targets.cpu === undefined ? '' : ` (target ≤ ${targets.cpu})`}  RSS ${rss.toFixed(0)} MB (target ≤ 192)`,
  );
}

try {
  await bundle();
  makeImage();
  const dd = (device: string): string =>
    `dd of=${device} bs=1M iflag=fullblock oflag=direct conv=fsync status=none`;
  await compare(
    'zst',
    { time: 1.15, cpu: 1.3 },
    (device) => `curl -s ${url}/zst | zstd -dc | ${dd(device)}`,
  );
  await compare('gz', { time: 0.5 }, (device) => `curl -s ${url}/gz | gzip -dc | ${dd(device)}`);
  await compare(
    'qcow2c',
    { time: 1.25 },
    (device) => `qemu-img convert -n -t none -O raw ${file('qcow2c')} ${device}`,
  );
  await compare(
    'qcow2',
    { time: 1.1 },
    (device) =>
      `curl -s -o ${file('copy')} ${url}/qcow2 && qemu-img convert -n -t none -O raw ${file('copy')} ${device}`,
  );
  const [plain, full] = [await ours('zst', 'none'), await ours('zst', 'full')];
  console.log(`reading back 1 GiB takes ${(full.seconds - plain.seconds).toFixed(2)} s more`);
  const sparse = await ours('zst10', 'none', 11 * GiB);
  const allocated = statSync(file('raw10')).blocks * 512;
  console.log(
    `a sparse image of 10 GiB: ${(Number(sparse.details?.['written_bytes']) / allocated).toFixed(2)} × of what is allocated written (target ≤ 1.1), in ${sparse.seconds.toFixed(1)} s, RSS ${sparse.rssMb.toFixed(0)} MB`,
  );
} finally {
  server.close();
  rmSync(directory, { recursive: true });
}
