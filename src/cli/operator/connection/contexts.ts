// The operator's file of contexts: for each a server, and where its token and its CA are. Tokens are never in
// it, so that it may be shared.
import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { stringify } from 'yaml';
import { AppError } from '../../../core/errors.ts';
import { makeDirectories, readNamedFile } from '../../../core/files/named-file.ts';
import type { Io } from '../../command.ts';
import { parseYaml } from '../../text/yaml.ts';

const Context = Type.Object(
  {
    server: Type.String(),
    token_file: Type.Optional(Type.String()),
    /** A program that prints the token: a keyring's, or a password manager's. */
    token_command: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    ca_file: Type.Optional(Type.String()),
    ca_sha256: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type Context = Static<typeof Context>;

const Contexts = Type.Object(
  {
    current: Type.Optional(Type.String()),
    contexts: Type.Record(Type.String(), Context),
  },
  { additionalProperties: false },
);
export type Contexts = Static<typeof Contexts>;

/** DRAGONFLY_CONTEXTS, else dragonfly/config.yaml in the user's directory of settings. */
export function contextsPath({ env }: Pick<Io, 'env'>): string {
  const base = env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? '/', '.config');
  return env['DRAGONFLY_CONTEXTS'] ?? join(base, 'dragonfly', 'config.yaml');
}

/** No contexts where there is no file. Errors: AppError `config.invalid`. */
export function readContexts(path: string): Contexts {
  let text: string;
  try {
    text = readNamedFile(path);
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return { contexts: {} };
    throw new AppError('config.invalid', `cannot read the contexts in ${path}`, { cause: err });
  }
  try {
    const found = parseYaml(text);
    if (Value.Check(Contexts, found)) return found;
    const [fault] = Value.Errors(Contexts, found);
    throw new Error(`${fault?.instancePath ?? ''} ${fault?.message ?? ''}`.trim());
  } catch (cause) {
    throw new AppError('config.invalid', `cannot use the contexts in ${path}`, { cause });
  }
}

/** Writes them, for their owner alone. */
export function writeContexts(path: string, contexts: Contexts): void {
  makeDirectories(dirname(path), 0o700);
  const temporary = `${path}.new`;
  writeFileSync(temporary, stringify(contexts), { mode: 0o600 });
  renameSync(temporary, path);
}

/** The context's token, from its file or its program. Errors: AppError `config.invalid`. */
export function contextToken(name: string, context: Context): string | undefined {
  const { token_file: file, token_command: command } = context;
  const where = command?.[0] ?? file;
  if (where === undefined) return undefined;
  try {
    return tokenIn(where, command === undefined ? readNamedFile(where) : outputOf(command));
  } catch (cause) {
    throw new AppError('config.invalid', `cannot get the token of context ${name} from ${where}`, {
      cause,
    });
  }
}

/** Errors: those of the program. */
function outputOf([program = '', ...args]: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    timeout: 60_000,
    stdio: ['inherit', 'pipe', 'inherit'],
  });
}

/** The token in what a file holds or a program prints. Errors: AppError `config.invalid`. */
export function tokenIn(where: string, text: string): string {
  const token = text.trim();
  if (token === '') throw new AppError('config.invalid', `${where} gives no token: it is empty`);
  return token;
}
