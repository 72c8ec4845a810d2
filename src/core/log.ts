// The logger interface that all parts take; pino satisfies it.

type LogMethod = (fields: Record<string, unknown>, message: string) => void;

/** Fields first, then a fixed sentence. Never a token or a password. */
export interface Log {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

/** A logger that discards everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
