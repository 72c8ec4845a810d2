// The ways into etcd: CA, client certificate, user and password. Files are read again and again, so that
// rotated ones are taken up without a restart.
import { AppError } from '../../core/errors.ts';
import { readNamedFile } from '../../core/files/named-file.ts';

/** The settings, under the names that etcdctl gives them. */
export interface EtcdAccessFiles {
  /** PEM files. */
  readonly cacert?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
}

export interface EtcdAccess {
  /** PEM. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export const openAccess: EtcdAccess = {
  ca: undefined,
  cert: undefined,
  key: undefined,
  user: undefined,
  password: undefined,
};

/** Errors: AppError `config.invalid` for files that cannot be read, and for half of a pair. */
export function readAccess(files: EtcdAccessFiles): EtcdAccess {
  const { cacert, cert, key, user, password, passwordFile } = files;
  if ((cert === undefined) !== (key === undefined)) {
    throw new AppError('config.invalid', 'etcd needs both --etcd-cert and --etcd-key, or neither');
  }
  const secret = password ?? read(passwordFile)?.replace(/\r?\n$/, '');
  if ((user === undefined) !== (secret === undefined)) {
    throw new AppError(
      'config.invalid',
      'etcd needs both --etcd-user and --etcd-password-file (or DRAGONFLY_ETCD_PASSWORD), or neither',
    );
  }
  return { ca: read(cacert), cert: read(cert), key: read(key), user, password: secret };
}

export function isSameAccess(a: EtcdAccess, b: EtcdAccess): boolean {
  return (
    a.ca === b.ca &&
    a.cert === b.cert &&
    a.key === b.key &&
    a.user === b.user &&
    a.password === b.password
  );
}

function read(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readNamedFile(path);
  } catch (cause) {
    throw new AppError('config.invalid', `cannot read ${path}`, { cause });
  }
}
