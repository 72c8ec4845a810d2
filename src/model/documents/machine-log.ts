// The log of a machine, as its agent sent it: kept in pieces, each the lines of one request.
import { Type, type Static } from 'typebox';
import { Timestamp } from '../fields.ts';

export const LogSource = Type.Enum(['boot', 'agent', 'action'], {
  description:
    'boot: the scripts of the netboot image; agent; action: the programs of a workflow, and its steps',
});
export type LogSource = Static<typeof LogSource>;

export const LogLevel = Type.Enum(['info', 'warn', 'error']);
export type LogLevel = Static<typeof LogLevel>;

/** A line, at a time on the server's clock. */
export const LogLine = Type.Object({
  at: Timestamp,
  source: LogSource,
  level: Type.Optional(LogLevel),
  text: Type.String(),
});
export type LogLine = Static<typeof LogLine>;

export const LogPiece = Type.Object({
  id: Type.String({ description: 'UUIDv7, by the time of its arrival' }),
  machine_id: Type.String(),
  boot_id: Type.String(),
  stream: Type.String({ description: 'of the boot: each numbers its lines by itself' }),
  first: Type.Integer({ description: 'the number of its first line' }),
  lines: Type.Array(LogLine),
});
export type LogPiece = Static<typeof LogPiece>;

/** The names of a machine's pieces begin so. */
export function logPrefix(machineId: string): string {
  return `${machineId}.`;
}

export function logPieceName({ machine_id, id }: LogPiece): string {
  return logPrefix(machine_id) + id;
}
