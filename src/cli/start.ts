// `npm start`: runs a server on the embedded store and an agent for this host in one terminal.
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import type { IdentityExplanation } from '../identity/identify.ts';
import type { CheckinResponse } from '../model/api/agent.ts';
import type { Template } from '../model/documents/template.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Store } from '../store/store.ts';
import { command } from './command.ts';
import { explanationText } from './text/explain-text.ts';
import { inventoryTable } from './text/inventory-table.ts';
import { readExample } from './server/examples.ts';
import { listen, parseListen } from './server/serving/listen.ts';
import { main } from './main.ts';
import { scratchRunners } from './scratch.ts';
import { pairs } from './text/table.ts';
import { version } from './version.ts';

/** Short, so that a watcher sees something happen. */
const heartbeatSeconds = 5;
/** A template for the agent of this program, which runs `writefile` alone. */
const exampleName = 'hello';

const start = command({
  name: 'start',
  describe: 'run a server and an agent for this host until Ctrl-C',
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
  },
  async run({ data, listen: address }, io) {
    const [{ openStore }, { createApp }, { isLoopback }, { runAgent }, { explainInventory }] =
      await Promise.all([
        import('../store/open.ts'),
        import('../server/app.ts'),
        import('../server/http/connections.ts'),
        import('../agent/agent.ts'),
        import('../inventory/inventory.ts'),
      ]);
    const store = await openStore(`lmdb:${data}`);
    const app = await createApp({
      store,
      clock: systemClock,
      version: io.version,
      liveness: { intervalSeconds: heartbeatSeconds },
    });
    try {
      await offerExample(store);
      const { host, port } = parseListen(address);
      if (!isLoopback(host)) throw notLoopback(host);
      const url = await listen(app, host, port);
      io.print(`server on ${url} (the page for operators), data in ${data}/\n`);
      io.print(
        `press Provision there: the template "${exampleName}" writes one file, below ${data}/scratch\n\n`,
      );
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
        },
      });
    } finally {
      await app.close();
      await store.close();
    }
    io.print('stopped\n');
    return 0;
  },
});

/** Stores the example, unless there is a template of that name. */
async function offerExample(store: Store): Promise<void> {
  if ((await store.templates.get(exampleName)) !== undefined) return;
  const { parse } = await import('yaml');
  // The package's own, which a test checks.
  const template: Template = parse(readExample(exampleName).text);
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
  describe: 'runs a server and an agent for this host',
  version,
  defaultCommand: start,
});
