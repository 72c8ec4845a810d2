// Every error code of this project, and the one error class that carries them.
// Codes are `area.what`; branch on `err.code`, never on the message.
import { inspect } from 'node:util';

/** Maps each code to its HTTP status and its meaning in one sentence. The status is null for codes that no
 *  route answers; should one escape anyway, the client sees `internal.bug`. */
const codes = {
  // Reading a host
  'read.denied': [null, 'The file is there, but this user may not read it.'],
  'read.failed': [null, 'The kernel refused to give the content of a file.'],
  'read.timeout': [null, 'A read or a command did not finish within its deadline.'],
  'read.too-large': [null, 'A file is larger than the reader accepts.'],
  'read.not-a-file': [null, 'A FIFO, socket, device or directory stands in place of a file.'],
  'read.malformed': [null, 'A file was read, but its content does not follow its format.'],
  'read.not-captured': [null, 'The replayed capture lacks this path: an older agent made it.'],
  'exec.failed': [null, 'A command was started and ended with an error.'],
  'probe.timeout': [null, 'A probe missed its deadline; its section is missing.'],
  'probe.opaque': [null, 'A volume that a system may be installed on was not looked into.'],
  'probe.failed': [null, 'A probe ended with an error of its own; its section is missing.'],

  // Identity
  'identity.no-mac': [422, 'No physical network interface with a MAC address was found.'],
  'identity.mismatch': [422, 'The identity hash that the agent sent does not match its fields.'],
  'identity.in-use': [409, 'Another live machine has this identity.'],

  // Settings, the command line and the Node they run on
  'node.unsupported': [null, 'This Node is too old for the package.'],
  'config.missing': [null, 'A required setting was found nowhere.'],
  'config.invalid': [422, 'A setting has a value that cannot be used.'],
  'usage.invalid': [null, 'The command line is wrong.'],
  'output.failed': [null, 'Standard output cannot be written.'],
  'wait.timeout': [null, 'A command gave up waiting.'],

  // The agent and its server
  'agent.running': [null, 'Another agent runs on this host.'],
  'server.unreachable': [null, 'The server could not be reached, or its answer was lost.'],
  'server.untrusted': [null, 'The certificate of the server is not trusted.'],
  'server.rejected': [null, 'The server answered with an error.'],
  'server.garbled': [null, 'Something other than a Dragonfly server answered.'],
  'server.busy': [503, 'The server is overloaded; repeat the request later.'],
  'server.limited': [429, 'This client asks for too much at once; repeat the request later.'],
  'action.refused': [null, 'The server asked for an action that this agent may not carry out.'],
  'action.unsupported': [null, 'The server asked for an action that this agent does not know.'],
  'action.failed': [null, 'An action that the server asked for was begun and failed.'],
  'record.cut': [null, 'An agent told more of its machine than a record holds.'],
  'wire.out-of-range': [null, 'An agent sent a number that its field cannot hold.'],
  'wire.unreadable': [null, 'An agent sent something that its field cannot hold.'],
  'action.cancelled': [null, 'A workflow was stopped, because it is over at the server.'],
  'action.invalid': [null, 'An action of a template has a field or a value that cannot be used.'],
  'spool.dropped': [null, 'Reports for the server were dropped because too many waited.'],

  // Changes that actions make
  'exec.missing': [null, 'A program that an action needs is not on this host.'],
  'disk.in-use': [null, 'Something else on the machine uses the disk that is to be written.'],
  'disk.failed': [null, 'A disk could not be read or written.'],
  'disk.mismatch': [null, 'A disk is not the planned one, or too small for the image.'],
  'disk.damaged': [null, 'A disk does not return what was written to it.'],
  'image.unreachable': [null, 'An image could not be fetched.'],
  'image.changed': [null, 'The server replaced an image during its transfer.'],
  'image.damaged': [null, 'An image is cut short, damaged, or does not match its checksum.'],
  'image.unsupported': [null, 'An image is of a kind that cannot be written safely.'],
  'image.unknown': [404, 'The server has no image of that name.'],
  'image.exists': [null, 'The image folder has an image of that name already.'],
  'image.folder': [500, 'The image folder of the server cannot be read or written.'],
  'firmware.failed': [null, 'The firmware did not keep a setting, or cannot be reached.'],
  'tree.failed': [null, 'A file of the system on a disk could not be read or written.'],

  // Requests
  'request.malformed': [400, 'The request body cannot be parsed.'],
  'request.stale': [412, 'The record has changed since the version that If-Match names.'],
  'request.range': [416, 'The file ends before the range that was asked for.'],
  'request.too-large': [413, 'The request body is larger than the server accepts.'],
  'request.unsupported': [415, 'The route does not take this content type.'],
  'request.invalid': [422, 'The request does not follow its schema.'],
  'route.unknown': [404, 'There is no such route.'],
  'route.method': [405, 'The route does not take this method.'],
  'route.elsewhere': [421, 'The listener for boot files does not answer this route.'],

  // Tokens and secrets
  'auth.required': [401, 'The request needs a token, or its token is not valid any more.'],
  'auth.denied': [403, 'The token is valid, but does not allow this.'],
  'auth.provider': [503, 'The OpenID provider that operators sign in with cannot be asked.'],
  'auth.unconfigured': [null, 'Without tokens the server would be open to the network.'],
  'token.unknown': [404, 'There is no such token.'],
  'session.unknown': [404, 'There is no such session, or it has ended.'],
  'token.needs-full': [409, 'The first token has to be of scope full.'],
  'token.exists': [409, 'A token of that name exists already.'],
  'secret.no-key': [409, 'No key is configured to encrypt or decrypt a secret with.'],
  'secret.damaged': [500, 'A stored secret cannot be decrypted.'],

  // Machines and what is done with them
  'machine.unknown': [404, 'There is no such machine.'],
  'machine.exists': [409, 'A machine with this identity exists already.'],
  'machine.has-os': [409, 'The machine holds an operating system, and no reimage was asked for.'],
  'machine.wrong-state': [409, 'The state of the machine does not allow this.'],
  'template.unknown': [404, 'There is no such template.'],
  'template.in-use': [409, 'Machines have the template.'],
  'template.invalid': [409, 'The stored template has a value that no agent can read.'],
  'workflow.unknown': [404, 'There is no such workflow.'],
  'workflow.active': [409, 'The machine already has an unfinished workflow.'],
  'workflow.finished': [409, 'The workflow is finished.'],
  'workflow.refused': [409, 'This boot of the machine may not run the workflow.'],
  'plan.no-disk': [409, 'The machine has no disk that the template may write.'],
  'plan.ambiguous': [409, 'More than one disk could be meant.'],
  'plan.changed': [409, 'What would be written changed after the plan was shown.'],
  'plan.has-data': [409, 'The planned disk holds data, and no reimage was asked for.'],
  'plan.unread': [
    409,
    'It is not known what the planned disk holds, and no reimage was asked for.',
  ],
  'webhook.unknown': [404, 'There is no such webhook.'],
  'webhook.exists': [409, 'A webhook of that name exists already.'],
  'webhook.limit': [409, 'There are as many webhooks as a store may have.'],
  'webhook.address': [422, 'A webhook leads to an address that is not allowed.'],
  'delivery.unknown': [404, 'There is no such event of a webhook that was given up.'],
  'setting.unknown': [404, 'There is no such setting.'],
  'conflict.unknown': [404, 'There is no such conflict.'],
  'conflict.decided': [409, 'An operator has already decided the conflict.'],
  'boot.returned': [null, 'The machine was sent to its disk twice and came back at once.'],
  'boot.no-image': [404, 'The server has no kernel and initramfs to boot machines with.'],
  'boot.incomplete': [503, 'The boot directory lacks files that machines will ask for.'],

  // The store and its backups
  'store.conflict': [409, 'The record was changed by another request meanwhile.'],
  'store.unavailable': [503, 'The store cannot be reached or cannot write.'],
  'store.full': [507, 'The store has no room left.'],
  'store.damaged': [500, 'What is stored is damaged.'],
  'damaged.unknown': [404, 'There is no damaged record of that name.'],
  'store.in-use': [null, 'The data directory is in use by another server.'],
  'store.incompatible': [null, 'The data directory was written by a newer version.'],
  'store.not-empty': [null, 'A backup is only restored into an empty store.'],
  'backup.failed': [null, 'A backup file cannot be read or written.'],
  'backup.damaged': [null, 'A backup file is damaged, or it is not a backup.'],

  'internal.bug': [500, 'A programming error; the log has the details.'],
} as const satisfies Record<
  `${string}.${string}`,
  readonly [status: number | null, meaning: string]
>;

export type ErrorCode = keyof typeof codes;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(codes, text);
}

/** The meaning of a code, in one sentence. */
export function errorMeaning(code: ErrorCode): string {
  return codes[code][1];
}

/** The meaning of each code, in one sentence. Left out of bundles that do not use it. */
// Object.fromEntries forgets the keys, which are those of `codes`.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const errorCodes = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(codes).map(([code, [, meaning]]) => [code, meaning]),
) as Readonly<Record<ErrorCode, string>>;

/** The HTTP status that answers a code; null where no route answers it. */
export function httpStatus(code: ErrorCode): number | null {
  return codes[code][0];
}

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

/** True for an AppError, of `code` if one is given. */
export function isAppError(err: unknown, code?: ErrorCode): err is AppError {
  return err instanceof AppError && (code === undefined || err.code === code);
}

/** The message of an error and of each of its causes, joined by ": ". For people. */
export function describeError(err: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  for (let e = err; e !== undefined && e !== null && !seen.has(e);) {
    seen.add(e);
    parts.push(e instanceof Error ? e.message.trim() || e.name : inspect(e));
    e = e instanceof Error ? e.cause : undefined;
  }
  return parts.join(': ');
}
