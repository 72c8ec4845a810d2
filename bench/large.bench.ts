// Measures a server with a large fleet: from its start until it is ready, the memory that it takes, a first page and
// searches. BENCH_MACHINES sets the size of the fleet (100,000).
import { readFileSync } from 'node:fs';
import { openStore } from '../src/store/open.ts';
import { processFigures, ServerProcess } from './load/server-process.ts';
import { benchMachine } from './load/store-machines.ts';

const machines = Number(process.env['BENCH_MACHINES'] ?? 100_000);
const callers = 512;
const rounds = 5;

const server = await ServerProcess.start(fill);
try {
  console.log(`${machines} machines; from start to ready: ${Math.round(server.startMs)} ms`);
  tell('ready', 0);
  await measure('first page of 100', '/api/machines?limit=100');
  await measure('full-text search that finds one', '/api/machines?limit=100&q=node-77777.example');
  await measure('full-text search that finds none', '/api/machines?limit=100&q=nowhere');
  await measure('search for liveness alone', '/api/machines?limit=100&q=live:late');
  await measure('search for ages alone', '/api/machines?limit=100&q=seen:1h');
  await measure('metrics', '/metrics');
} finally {
  await server.remove();
}

/** Puts the fleet into an empty store. */
async function fill(url: string): Promise<void> {
  const store = await openStore(url);
  let next = 0;
  const put = async (): Promise<void> => {
    while (next < machines) await store.machines.put(benchMachine(next++), 'absent');
  };
  await Promise.all(Array.from({ length: callers }, put));
  await store.close();
}

/** The first time apart, since it may have to read what is remembered from then on. */
async function measure(what: string, path: string): Promise<void> {
  const parts: { ms: number; cpuMs: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const [startMs, before] = [performance.now(), processFigures(server.pid).cpuMs];
    await readAll(path);
    parts.push({
      ms: performance.now() - startMs,
      cpuMs: processFigures(server.pid).cpuMs - before,
    });
  }
  const [first, ...later] = parts;
  const [best] = later.toSorted((a, b) => a.ms - b.ms);
  const cpuMs = later.reduce((sum, part) => sum + part.cpuMs, 0) / rounds;
  console.log(
    `${what}: ${best?.ms.toFixed(1)} ms, ${cpuMs.toFixed(0)} ms of CPU (the first time ${first?.ms.toFixed(0)} ms)`,
  );
  tell(what, first?.cpuMs ?? 0);
}

/** Reads a list to its end, page by page: a search may take several. */
async function readAll(path: string): Promise<void> {
  const isSearch = path.includes('q=');
  let cursor: string | null = null;
  do {
    const response = await fetch(server.url + path + (cursor === null ? '' : `&cursor=${cursor}`));
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    const text = await response.text();
    cursor = isSearch ? JSON.parse(text).next_cursor : null;
  } while (cursor !== null);
}

function tell(after: string, cpuMs: number): void {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const anonymous = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1000;
  console.log(
    `  after ${after}: RssAnon ${anonymous.toFixed(0)} MB, ${cpuMs.toFixed(0)} ms of CPU`,
  );
}
