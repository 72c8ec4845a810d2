// One installation of an image in a process of its own, for image2disk.bench.ts: prints what it took.
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/core/clock.ts';
import { openRoot } from '../../src/sources/open.ts';
import { workflowActions } from '../../src/actions/actions.ts';
import { download } from '../../src/transport/download.ts';

const [, , url = '', device = '', verify = 'none'] = process.argv;
const disk = {
  device,
  size_bytes: 0,
  model: null,
  serial: null,
  wwn: null,
  type: null,
  transport: null,
  removable: false,
  read_only: false,
  virtual_media: false,
  paths: [],
};
const { runners } = workflowActions({
  root: await openRoot(),
  clock: systemClock,
  random: Math.random,
  ask: (of, headers, signal) =>
    download(of, headers, signal, { clock: systemClock, trustedOrigins: [], userAgent: 'bench' }),
  disks: async () => [disk],
  planned: undefined,
  servers: [],
});

/** Units: seconds. Source: proc(5), /proc/<pid>/stat, cutime and cstime in hundredths. */
function childrenCpu(): number {
  const [, rest = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

const cpu = process.cpuUsage();
const startMs = performance.now();
const report = await runners['image2disk']?.(
  { url, disk: device, verify },
  { signal: new AbortController().signal, progress: () => {}, note: () => {} },
);
const seconds = (performance.now() - startMs) / 1_000;
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    seconds,
    cpuSeconds: (user + system) / 1e6 + childrenCpu(),
    rssMb: process.resourceUsage().maxRSS / 1024,
    details: report?.details,
  }),
);
