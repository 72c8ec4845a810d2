// `npm start`: a server on the embedded store and an agent for this host, in one terminal.
import type { IdentityExplanation } from '../identity/identify.ts';
import type { CheckinResponse } from '../model/api.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Command } from './command.ts';
import { main } from './main.ts';
import { version } from './version.ts';

/** Short, so that somebody who watches sees something happen. */
const heartbeatSeconds = 5;

const start: Command = {
  name: 'start',
  describe: 'run a server and an agent for this host until Ctrl-C',
  options: {
    listen: { type: 'string', default: '127.0.0.1', describe: 'address to listen on' },
    port: { type: 'number', default: 3000, describe: 'port to listen on; 0: any free one' },
    data: { type: 'string', default: 'data', describe: 'directory of the embedded store' },
  },
  async run(args, io) {
    const [{ openStore }, { createApp }, { runAgent }, { explainInventory }, { systemClock }] =
      await Promise.all([
        import('../store/open.ts'),
        import('../server/app.ts'),
        import('../agent/agent.ts'),
        import('../agent/inventory.ts'),
        import('../core/clock.ts'),
      ]);
    const say = (text: string): void => void io.stdout.write(`${text}\n`);
    const store = await openStore(`lmdb:${String(args['data'])}`);
    try {
      const app = await createApp({
        store,
        clock: systemClock,
        version: io.version,
        liveness: { intervalSeconds: heartbeatSeconds },
      });
      try {
        const url = await app.listen({ host: String(args['listen']), port: Number(args['port']) });
        say(`server on ${url} (the page for operators), data in ${String(args['data'])}/\n`);
        const { inventory, explanation } = await explainInventory();
        let beats = 0;
        await runAgent({
          servers: [url],
          agentVersion: io.version,
          signal: io.signal,
          onState: (state, event) => {
            if (event?.type === 'checked-in')
              say(introduction(event.answer, inventory, explanation));
            if (event?.type === 'beaten') {
              beats += 1;
              say(`heartbeat ${beats}: ${event.answer.action}`);
            }
            if (event?.type === 'failed') say(`no answer (${event.failure.error.message})`);
          },
        });
      } finally {
        await app.close();
      }
    } finally {
      await store.close();
    }
    say('stopped');
    return 0;
  },
};

/** Who this machine is, why the server says so, and what it is made of. */
function introduction(
  answer: CheckinResponse,
  { identity, hardware, problems }: Inventory,
  explanation: IdentityExplanation,
): string {
  const rows: [string, string][] = [
    ['machine', answer.memorable_name],
    ['id', answer.machine_id],
    ['is_new', `${answer.is_new} (matched by ${answer.matched_by})`],
    ...answer.evidence.map((sentence): [string, string] => ['', sentence]),
    ['identity hash', identity.identity_hash],
    ...explanation.sources.map((source): [string, string] => [
      source.used ? '  from' : '  not from',
      `${source.kind} ${source.value ?? ''} (${source.why ?? source.source})`,
    ]),
    ['cpu', describeCpu(hardware)],
    ['memory', gibibytes(hardware.memory_bytes)],
    ...hardware.disks.map((disk): [string, string] => [
      'disk',
      [disk.device, gibibytes(disk.size_bytes), disk.model, disk.serial].filter(Boolean).join('  '),
    ]),
    ...hardware.network_interfaces.map((nic): [string, string] => [
      'network',
      [nic.name, nic.mac, nic.driver].filter(Boolean).join('  '),
    ]),
    ['virtual', hardware.is_virtual === true ? (hardware.virt_platform ?? 'yes') : 'no'],
    ...[...new Set(problems.map((p) => p.message))].map((m): [string, string] => ['problem', m]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(14)} ${value}\n`).join('');
}

function describeCpu({ cpu_model, cpu_cores, cpu_threads }: Inventory['hardware']): string {
  return `${cpu_model ?? 'unknown model'}, ${cpu_cores ?? '?'} cores, ${cpu_threads ?? '?'} threads`;
}

function gibibytes(bytes: number | null): string {
  return bytes === null ? '?' : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

await main({ name: 'npm start --', version, defaultCommand: 'start', commands: [start] });
