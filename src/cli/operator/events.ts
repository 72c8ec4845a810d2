// `dragonfly events`: what happens, as it happens.
import { systemClock } from '../../core/clock.ts';
import { command } from '../command.ts';
import { asDataLine, formatOptions } from '../formats.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { printable } from '../text/table.ts';

/** Runs until it is stopped. */
const events = command({
  name: 'events',
  describe: 'print changes as they happen, one to a line, until stopped',
  examples: ['events', 'events --type machine', 'events -o json'],
  options: {
    type: { type: 'string', value: 'TYPE', describe: 'only these, as machine.changed or workflow' },
    ...formatOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      try {
        for await (const { id, type, data } of client.events()) {
          if (args.type !== undefined && type !== args.type && !type.startsWith(`${args.type}.`)) {
            continue;
          }
          const values = Object.entries(data).map(([name, value]) => `${name}=${String(value)}`);
          const text = [systemClock.now().toISOString(), type, ...values].join(' ');
          io.print((await asDataLine(args, { id, type, data })) ?? `${printable(text)}\n`);
        }
      } catch (err) {
        if (!io.signal.aborted) throw err;
      }
      return 0;
    }),
});

export const eventCommands = [events];
