// The failures of requests to etcd: the final ones, those after which another try may help, and those that never
// reached it.
import { AppError } from '../../core/errors.ts';

/** Numbers of gRPC's status codes. */
const grpc = { invalid: 3, denied: 7, outOfRange: 11, unauthenticated: 16 } as const;

/** etcd answered that it will not do it; trying again would not help. */
export class EtcdRefusal extends AppError {
  readonly isCompacted: boolean;
  /** The snapshot that is asked for is yet to come: etcd was restored from a backup since it was told of. */
  readonly isOfTheFuture: boolean;
  /** It does so whatever is asked of it: this server may not. */
  readonly isOfAll: boolean;

  constructor(message: string, grpcCode: number) {
    super('store.unavailable', refusal(message), { cause: new Error(message) });
    this.isOfTheFuture = message.includes(future);
    this.isCompacted = grpcCode === grpc.outOfRange && !this.isOfTheFuture;
    this.isOfAll = message.includes(noUsers) || notLetIn.test(message);
  }

  /** etcd went back, as its answers show, whether it refuses what is asked or not. */
  static wentBack(): EtcdRefusal {
    return new EtcdRefusal(`what was read before ${future}`, grpc.outOfRange);
  }
}

/** etcd's answer to a user where it has none, or does not ask for them. */
const noUsers = 'authentication is not enabled';
/** Its answers to one that may not do what it asks for. */
const notLetIn = /permission denied|user name|authentication failed/;

/** Its answer about a revision that it has not reached. */
const future = 'is a future revision';

/** The advice that goes with a refusal, where there is any. */
function refusal(message: string): string {
  if (message.includes(future)) {
    return 'etcd went back to an earlier state while it was read, as after a restore: begin again';
  }
  if (message.includes(noUsers)) {
    return 'etcd asks for no users: leave out --etcd-user, or have it ask (etcdctl auth enable)';
  }
  return notLetIn.test(message)
    ? 'etcd does not let this server in: give --etcd-user and --etcd-password-file, of a user whose role has readwrite on the prefix dragonfly/'
    : 'etcd refused a request';
}

/** The token that was sent is not valid any more. */
export class TokenEnded extends Error {}

/** The error in an answer other than 200: AppError and EtcdRefusal are final, others are not. */
export function failure(body: unknown): Error {
  const said = typeof body === 'object' && body !== null ? body : {};
  const message = 'message' in said ? String(said.message) : 'no message';
  const code = 'code' in said ? Number(said.code) : 0;
  if (message.includes('database space exceeded')) {
    return new AppError(
      'store.full',
      'etcd has no space left: compact and defragment it, raise its quota, then disarm the alarm',
      { cause: new Error(message) },
    );
  }
  const hasEnded =
    code === grpc.unauthenticated ||
    message.includes('invalid auth token') ||
    message.includes('revision of auth store is old');
  if (hasEnded) return new TokenEnded(message);
  const isFinal =
    code === grpc.invalid ||
    code === grpc.denied ||
    code === grpc.outOfRange ||
    message.includes(noUsers);
  return isFinal ? new EtcdRefusal(message, code) : new Error(message);
}

/** True if the connection was refused: in every other case the request may have reached etcd. */
export function wasNeverSent(err: unknown): boolean {
  return (
    err instanceof Error &&
    'code' in err &&
    (err.code === 'ECONNREFUSED' || err.code === 'UND_ERR_CONNECT_TIMEOUT')
  );
}
