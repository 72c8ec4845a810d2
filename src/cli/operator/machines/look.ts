// `dragonfly machines list`, `get`, `history` and `logs`: looks at machines.
import type { MachineChange } from '../../../model/history.ts';
import { LivenessName } from '../../../model/api/agent.ts';
import { MachineStateName, stateName } from '../../../model/machine.ts';
import type { MachineView } from '../../../model/api/machines.ts';
import { tagsText } from '../../../model/text/tags-text.ts';
import { logLineText } from '../../../model/text/log-text.ts';
import { command } from '../../command.ts';
import { asDataLine, formatOptions } from '../../formats.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { outputOptions, printDocument, printList, type Shape } from '../output.ts';
import { machineNamed, oneMachine, selectionOptions, titleOf } from './selection.ts';

const machineShape: Shape<MachineView> = {
  columns: {
    NAME: titleOf,
    STATE: ({ status }) => stateName(status.state),
    LIVENESS: ({ liveness }) => liveness,
    ADDRESS: ({ report }) => report?.ip_address ?? null,
    TEMPLATE: ({ config }) => config.os_choice,
    SYSTEM: ({ report }) => report?.existing_os?.name ?? null,
    TAGS: ({ config }) => tagsText(config.tags),
  },
  wide: {
    MODEL: ({ hardware }) => hardware.system?.product ?? null,
    SERIAL: ({ hardware }) => hardware.system?.serial ?? null,
    MAC: ({ identity }) => identity.primary_mac,
    SEEN: ({ status }) => status.last_seen,
    AGENT: ({ report }) => report?.agent_version ?? null,
    ID: ({ id }) => id,
  },
  name: ({ id }) => id,
};

const changeShape: Shape<MachineChange> = {
  columns: {
    WHEN: ({ at }) => at,
    WHAT: ({ what }) => what,
    BEFORE: ({ before }) => (before === null ? null : String(before)),
    AFTER: ({ after }) => (after === null ? null : String(after)),
  },
  name: ({ what }) => what,
};

const list = command({
  name: 'machines list',
  describe: 'list machines: all, or those that a search finds',
  examples: [
    'machines list',
    'machines list rack-7 -o wide',
    'machines list --liveness gone -o name',
    'machines list -q "model:R650 -tag:spare" -o csv',
  ],
  positionals: {
    words: { describe: 'a search, as with -q', isMany: true, isOptional: true },
  },
  options: {
    ...selectionOptions,
    state: { type: 'string', choices: MachineStateName.enum, describe: 'those in this state' },
    liveness: {
      type: 'string',
      choices: LivenessName.enum,
      describe: 'those that beat, or do not',
    },
    ...outputOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { words, tag, query, state, liveness } = args;
      const search = [...words, ...(query === undefined ? [] : [query])];
      const filter = {
        ...(search.length === 0 ? {} : { q: search.join(' ') }),
        ...(tag === undefined ? {} : { tag }),
        ...(state === undefined ? {} : { state }),
        ...(liveness === undefined ? {} : { liveness }),
      };
      let isUnindexed = false;
      const onUnindexed = (): void => void (isUnindexed = true);
      const found = await client.machines.list({ ...filter, onUnindexed }).toArray();
      await printList(io, args, found, machineShape);
      if (isUnindexed) {
        io.stderr.write(
          'The fleet is too large for the memory of the server, so this read every record: --tag or --state makes it fewer.\n',
        );
      }
      return 0;
    }),
});

const get = command({
  name: 'machines get',
  describe: 'print all that is known of a machine',
  examples: ['machines get node-7', 'machines get 02:00:00:00:00:01 --json'],
  positionals: oneMachine,
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const machine = await machineNamed(client, args.machine);
      if (args.output === undefined || args.json || args.yaml) {
        await printDocument(io, args, machine);
      } else await printList(io, args, [machine], machineShape);
      return 0;
    }),
});

const history = command({
  name: 'machines history',
  describe: 'print the changes of a machine, newest first',
  examples: ['machines history node-7'],
  positionals: oneMachine,
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { id } = await machineNamed(client, args.machine);
      await printList(io, args, await client.machines.history(id), changeShape);
      return 0;
    }),
});

const logs = command({
  name: 'machines logs',
  describe: "print a machine's log: of the boot, the agent and the workflow",
  examples: ['machines logs node-7', 'machines logs node-7 --last 20 --follow'],
  positionals: oneMachine,
  options: {
    follow: { type: 'boolean', short: 'f', describe: 'go on with new lines until stopped' },
    last: {
      type: 'number',
      value: 'LINES',
      range: [0, 5000],
      describe: 'only the newest lines, so many',
    },
    ...formatOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { id } = await machineNamed(client, args.machine);
      let isEmpty = true;
      try {
        for await (const line of client.machines.log(id, {
          last: args.last,
          follow: args.follow,
        })) {
          io.print((await asDataLine(args, line)) ?? `${logLineText(line)}\n`);
          isEmpty = false;
        }
      } catch (err) {
        if (!io.signal.aborted) throw err;
      }
      if (isEmpty) io.stderr.write('nothing found\n');
      return 0;
    }),
});

export const lookCommands = [list, get, history, logs];
