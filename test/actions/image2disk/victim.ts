// An agent's process that installs a disk, to be killed: `node victim.ts DISK JOURNAL ACTIONS BOOT`. What it has
// done it prints, an event to a line.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { argv, stdout } from 'node:process';
import { workflowActions } from '../../../src/actions/actions.ts';
import { runWorkflow } from '../../../src/agent/orders/actions.ts';
import { openJournal } from '../../../src/agent/orders/journal.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { HostRoot } from '../../../src/sources/host.ts';
import { diskAt, fileAsk } from '../workplace.ts';

const [, , device = '', path = '', asked = '', boot = ''] = argv;
const root = new HostRoot();
const actions = workflowActions({
  root,
  clock: systemClock,
  random: () => 0,
  ask: fileAsk,
  disks: async () => [diskAt(device)],
  planned: undefined,
  servers: [],
});
// Written by this test itself.
const given = JSON.parse(asked) as { readonly action: string }[];
const template = {
  timeoutSeconds: undefined,
  actions: given.map(({ action, ...fields }) => ({ action, fields, timeoutSeconds: undefined })),
};
await runWorkflow('w', template, {
  runners: actions.runners,
  check: actions.check,
  clock: systemClock,
  signal: new AbortController().signal,
  begin: async () => {},
  report: (event) => void stdout.write(`${JSON.stringify(event)}\n`),
  flush: async () => {},
  journal: openJournal(boot, {
    read: () => readFile(path, 'utf8').catch(() => undefined),
    async write(text) {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    },
  }),
});
