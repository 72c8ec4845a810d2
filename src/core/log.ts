// The logger that this project's parts are given; pino's own satisfies it.

type LogMethod = (fields: Record<string, unknown>, message: string) => void;

/** Fields first, then a fixed sentence. Never a token or a password. */
export interface Log {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

/** A logger that says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
