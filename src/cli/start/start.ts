// `npm start`: runs a server on the embedded store, an agent for this host and two simulated machines in one terminal.
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { AppError, describeError } from '../../core/errors.ts';
import type { IdentityExplanation } from '../../identity/identify.ts';
import type { CheckinResponse } from '../../model/api/agent.ts';
import type { Template } from '../../model/documents/template.ts';
import type { Inventory } from '../../model/inventory.ts';
import type { Store } from '../../store/store.ts';
import { command, type Io } from '../command.ts';
import { explanationText } from '../text/explain-text.ts';
import { inventoryTable } from '../text/inventory-table.ts';
import { readExample } from '../server/examples.ts';
import { listen, parseListen } from '../server/serving/listen.ts';
import { main } from '../main.ts';
import { scratchRunners } from './scratch.ts';
import { pairs } from '../text/table.ts';
import { version } from '../version.ts';

/** Short, so that a watcher sees something happen. */
const heartbeatSeconds = 5;
/** The templates to try: for the agent of this program, which runs `writefile` alone, and for simulated machines. */
const examples = { ownHost: 'hello', simulated: 'debian-debootstrap' };

const start = command({
  name: 'start',
  describe: 'run a server, an agent for this host and two simulated machines until Ctrl-C',
  options: {
    listen: {
      type: 'string',
      default: '127.0.0.1:3000',
      describe: 'loopback address and port to listen on; port 0: any free one',
    },
    data: {
      type: 'string',
      value: 'DIR',
      default: 'data',
      describe: 'directory of the embedded store',
    },
    alone: { type: 'boolean', describe: 'no simulated machines' },
  },
  async run({ data, listen: address, alone }, io) {
    const [{ openStore }, { createApp }, { isLoopback }] = await Promise.all([
      import('../../store/open.ts'),
      import('../../server/app.ts'),
      import('../../server/http/connections.ts'),
    ]);
    const store = await openStore(`lmdb:${data}`, { signal: io.signal });
    const app = await createApp({
      store,
      clock: systemClock,
      version: io.version,
      liveness: { intervalSeconds: heartbeatSeconds },
    });
    try {
      for (const name of Object.values(examples)) await offer(name, store);
      const { host, port } = parseListen(address);
      if (!isLoopback(host)) throw notLoopback(host);
      const { url } = await listen(app.server, host, port);
      io.print(welcome(url, data, alone));
      const introduced = Promise.withResolvers<void>();
      await Promise.all([
        runOwnAgent(url, data, io, introduced.resolve),
        introduced.promise.then(() => runBeside(url, alone, io)),
      ]);
    } finally {
      await app.close();
      await store.close();
    }
    io.print('stopped\n');
    return 0;
  },
});

function welcome(url: string, data: string, alone: boolean): string {
  const { ownHost, simulated } = examples;
  const lines = [
    `server on ${url} (the page for operators), data in ${data}/`,
    `provision this host there with "${ownHost}": it writes one file, below ${data}/scratch`,
    ...(alone
      ? []
      : [`two machines are simulated: "${simulated}" is installed on them, and on no real disk`]),
  ];
  return `${lines.join('\n')}\n\n`;
}

/** Runs an agent for this host until Ctrl-C. `onIntroduced` is called once it has been answered, or has not. */
async function runOwnAgent(
  url: string,
  data: string,
  io: Io,
  onIntroduced: () => void,
): Promise<void> {
  const [{ runAgent }, { explainInventory }] = await Promise.all([
    import('../../agent/agent.ts'),
    import('../../inventory/inventory.ts'),
  ]);
  const { inventory, explanation } = await explainInventory();
  let beats = 0;
  await runAgent({
    servers: [url],
    mayAct: true,
    onlyRunners: true,
    isConfined: true,
    runners: scratchRunners(join(data, 'scratch')),
    agentVersion: io.version,
    signal: io.signal,
    onState: (_state, event) => {
      if (event?.type === 'checked-in') {
        io.print(introduction(event.answer, inventory, explanation));
      } else if (event?.type === 'beaten') {
        beats += 1;
        io.print(`heartbeat ${beats}: ${event.answer.action}\n`);
      } else if (event?.type === 'failed') {
        io.print(`not answered: ${event.failure.error.message}\n`);
      }
      if (event?.type === 'checked-in' || event?.type === 'failed') onIntroduced();
    },
  });
  onIntroduced();
}

/** Runs the simulated machines and tells of all workflows, until Ctrl-C. A failure is told, and ends nothing else. */
async function runBeside(url: string, alone: boolean, io: Io): Promise<void> {
  if (io.signal.aborted) return;
  const [{ Client }, { tellWorkflows }, { runSimulated }] = await Promise.all([
    import('../../client/client.ts'),
    import('./workflow-lines.ts'),
    import('./simulated.ts'),
  ]);
  const client = new Client(url, { signal: io.signal });
  const works = [
    tellWorkflows(client, io.signal, io.print),
    ...(alone ? [] : [runSimulated(url, examples.simulated, io.signal)]),
  ];
  const tell = (err: unknown): void => {
    if (!io.signal.aborted) io.print(`${describeError(err)}\n`);
  };
  await Promise.all(works.map((work) => work.catch(tell)));
  await client.close();
}

/** Stores an example of the package, unless there is a template of that name. */
async function offer(name: string, store: Store): Promise<void> {
  if ((await store.templates.get(name)) !== undefined) return;
  const { parse } = await import('yaml');
  // The package's own, which a test checks.
  const template: Template = parse(readExample(name).text);
  await store.templates.put(template);
}

/** Introduces this machine: its name, the server's reasons, its identity and its hardware. */
function introduction(
  answer: CheckinResponse,
  inventory: Inventory,
  explanation: IdentityExplanation,
): string {
  const answered = pairs([
    ['name', answer.memorable_name],
    ['id', answer.machine_id],
    ['is_new', `${answer.is_new} (matched by ${answer.matched_by})`],
    ...answer.evidence.map((sentence): [string, string] => ['', sentence]),
  ]);
  const parts = [
    `${answered.join('\n')}\n`,
    explanationText(inventory.identity, explanation),
    inventoryTable(inventory),
  ];
  return `${parts.join('\n')}\n`;
}

function notLoopback(host: string): AppError {
  return new AppError(
    'config.invalid',
    `${host} is not a loopback address, and this server has no tokens: use dragonfly-server to serve others`,
  );
}

await main({
  name: 'npm start --',
  describe: 'runs a server, an agent for this host and two simulated machines',
  version,
  defaultCommand: start,
});
