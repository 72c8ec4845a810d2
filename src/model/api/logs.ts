// The logs of machines on the wire: lines that agents send, and pages that operators read.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';
import { LogLevel, LogLine, LogSource } from '../documents/machine-log.ts';
import { strict } from './request.ts';
import { bounded } from './wire.ts';

export const LogsRequest = bounded(
  Type.Object({
    machine_id: Type.String({ format: 'uuid' }),
    boot_id: Type.String(),
    stream: Type.String({
      minLength: 1,
      description: 'a source of lines within the boot, which numbers them by itself',
    }),
    first: Type.Integer({
      description: 'the number of the first line; those known are passed over',
    }),
    lines: Type.Array(
      Type.Object({
        age_ms: Type.Number({
          description: 'how long ago it was written: no clock has to be right',
        }),
        source: LogSource,
        level: Type.Optional(LogLevel),
        text: Type.String(),
      }),
    ),
  }),
);
export type LogsRequest = Static<typeof LogsRequest>;

/** The longest that a reader may wait for a new line. Units: seconds. */
const longestWaitSeconds = 25;

export const MachineLogsQuery = Type.Object(
  {
    cursor: Type.Optional(
      Type.String({ format: 'uuid', description: '`next` of the answer before' }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 5000,
        default: 1000,
        description: 'lines; the answer ends with the piece that reaches it',
      }),
    ),
    last: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 5000,
        description: 'only the newest lines, so many; without a cursor',
      }),
    ),
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: longestWaitSeconds,
        description: 'seconds to wait for a line where there is none yet',
      }),
    ),
  },
  strict,
);
export type MachineLogsQuery = Static<typeof MachineLogsQuery>;

export const MachineLogs = Type.Object({
  lines: Type.Array(LogLine, { description: 'in the order in which they arrived' }),
  next: nullable(
    Type.String({
      description: 'the cursor for what follows, now or later; null as long as there is no line',
    }),
  ),
});
export type MachineLogs = Static<typeof MachineLogs>;
