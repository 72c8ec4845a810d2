// Every error code of this project, and the one error class that carries them.
// Codes are `area.what`; branch on `err.code`, never on the message.
import { inspect } from 'node:util';

/** What each code means, in one sentence. The documentation and the tests read this table. */
export const errorCodes = {
  'read.denied': 'The file is there, but this user may not read it.',
  'read.failed': 'The kernel refused to give the content of a file.',
  'read.timeout': 'A read or a command did not finish within its deadline.',
  'read.too-large': 'A file is larger than the reader accepts.',
  'read.not-a-file': 'A FIFO, socket, device or directory stands where a file was expected.',
  'read.malformed': 'A file was read, but its content is not what its format promises.',
  'read.not-captured':
    'A capture is replayed and does not hold this path: it was made by an older agent.',
  'exec.failed': 'A command was started and ended with an error.',
  'probe.timeout': 'A probe did not finish within its deadline; its section is missing.',
  'probe.failed': 'A probe ended with an error of its own; its section is missing.',
  'identity.no-mac': 'No physical network interface with a MAC address was found.',
  'identity.mismatch': 'The identity hash that the agent sent is not the one its fields give.',
  'identity.in-use': 'Another live machine has this identity.',
  'config.missing': 'A setting that is needed was found nowhere.',
  'config.invalid': 'A setting has a value that cannot be used.',
  'usage.invalid': 'The command line cannot be understood.',
  'server.unreachable': 'No connection to the server could be made.',
  'server.untrusted': 'The certificate of the server is not one to trust.',
  'server.rejected': 'The server answered with an error.',
  'server.garbled': 'What answered is not a Dragonfly server.',
  'action.refused': 'The server asked for an action that this agent was not allowed to carry out.',
  'action.failed': 'An action that the server asked for was begun and did not succeed.',
  'spool.dropped': 'Reports for the server were dropped, because too many waited.',
  'action.unsupported': 'The server asked for an action that this agent does not carry out.',
  'request.invalid': 'A request does not follow its schema.',
  'request.too-large': 'A request body is larger than the server accepts.',
  'request.malformed': 'A request body cannot be parsed.',
  'request.unsupported': 'A request body has a content type that the route does not take.',
  'request.stale': 'The record is no longer the one that If-Match names.',
  'auth.required': 'The request needs a token, or its token is not valid (any more).',
  'auth.denied': 'The token is valid, but does not allow this.',
  'auth.unconfigured': 'The server would be open to the network: no tokens are configured.',
  'server.busy': 'The server has more to do than it can; the request may come again later.',
  'route.unknown': 'There is no such route.',
  'machine.unknown': 'There is no such machine.',
  'machine.has-os': 'The machine holds an operating system, and no reimage was asked for.',
  'machine.wrong-state': 'The state of the machine does not allow this.',
  'template.unknown': 'There is no such template.',
  'workflow.unknown': 'There is no such workflow.',
  'workflow.active': 'The machine already has a workflow that is not finished.',
  'workflow.finished': 'The workflow is finished.',
  'setting.unknown': 'There is no such setting.',
  'token.unknown': 'There is no such token.',
  'token.exists': 'There is a token of that name already.',
  'conflict.unknown': 'There is no such conflict.',
  'conflict.decided': 'An operator decided the conflict already.',
  'secret.no-key': 'No key is configured to encrypt or decrypt a secret with.',
  'secret.damaged': 'A stored secret cannot be decrypted.',
  'boot.no-image': 'The server has no kernel and initramfs to boot machines with.',
  'store.conflict': 'Somebody else changed the record in between.',
  'store.unavailable': 'The store cannot be reached or cannot write.',
  'store.full': 'The store has no room left.',
  'store.in-use': 'The data directory is in use by another server.',
  'store.incompatible': 'The data directory was written by a newer version.',
  'store.not-empty': 'A backup is only restored into an empty store.',
  'backup.failed': 'A backup file cannot be read or written.',
  'backup.damaged': 'A backup file is not one, or not whole.',
  'store.damaged': 'The data directory is damaged.',
  'internal.bug': 'A programming error; the log has the details.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An expected failure. `message` says what was attempted on what and, for people, the next step;
 *  the reason underneath goes into `cause` and is not repeated in the message. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** Machine-readable particulars, safe to show: paths, field names, both values of a mismatch. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether `err` is an AppError, of the given code if one is given. */
export function isAppError(err: unknown, code?: ErrorCode): err is AppError {
  return err instanceof AppError && (code === undefined || err.code === code);
}

/** The message of an error and of each of its causes, joined by ": ". For people. */
export function describeError(err: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  for (let e = err; e !== undefined && e !== null && !seen.has(e);) {
    seen.add(e);
    parts.push(e instanceof Error ? e.message || e.name : inspect(e));
    e = e instanceof Error ? e.cause : undefined;
  }
  return parts.join(': ');
}
