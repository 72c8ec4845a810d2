// `dragonfly audit`: who changed what, and when.
import { AppError } from '../../../core/errors.ts';
import type { AuditEntry } from '../../../model/documents/audit.ts';
import { command } from '../../command.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { machineNamed } from '../machines/selection.ts';
import { outputOptions, printList, type Shape } from '../output.ts';

const shape: Shape<AuditEntry> = {
  columns: {
    WHEN: ({ at }) => at,
    WHO: ({ by }) => by,
    WHAT: ({ action }) => action,
    RECORDS: ({ records: [first = '', ...more] }) =>
      more.length === 0 ? first : `${first} and ${more.length} more`,
  },
  wide: {
    FROM: ({ from }) => from,
    CHANGE: ({ change }) => JSON.stringify(change),
    REQUEST: (entry) => entry.request_id,
  },
  name: ({ id }) => id,
};

const audit = command({
  name: 'audit',
  describe: 'print what operators changed, oldest first; takes a full token',
  examples: [
    'audit --since 2026-11-26T00:00:00Z',
    'audit --machine node-7 -o wide',
    'audit templates/debian-cloud',
  ],
  positionals: {
    record: { describe: 'only changes of this record: "templates/NAME"', isOptional: true },
  },
  options: {
    machine: {
      type: 'string',
      value: 'MACHINE',
      names: 'machines',
      describe: 'only changes of this machine and its workflows',
    },
    since: { type: 'string', value: 'TIME', describe: 'only from then on, RFC 3339' },
    ...outputOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      if (args.record !== undefined && args.machine !== undefined) {
        throw new AppError('usage.invalid', 'name a record or a machine, not both');
      }
      const record =
        args.machine === undefined
          ? args.record
          : `machines/${(await machineNamed(client, args.machine)).id}`;
      const entries = client.audit.list({
        ...(record === undefined ? {} : { record }),
        ...(args.since === undefined ? {} : { since: args.since }),
      });
      await printList(io, args, await entries.toArray(), shape);
      return 0;
    }),
});

export const auditCommands = [audit];
