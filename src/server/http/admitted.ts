// Answers that take long: they end with the token, or the session, of whoever asked for them.
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { senderOf, type GuardServices } from './guard.ts';

/** A token that has expired, or that this server knows to be revoked, is noticed within this time. */
export const admitMs = 5000;

type AdmitServices = Pick<GuardServices, 'auth' | 'publicUrl'> & { readonly clock: Clock };

/** False once the token is revoked or has expired, or there is a first one. */
export async function isAdmitted(s: AdmitServices, request: FastifyRequest): Promise<boolean> {
  try {
    await senderOf(s, request);
    return true;
  } catch (err) {
    // While the store is away nobody can say.
    return !isAppError(err, 'auth.required') && !isAppError(err, 'auth.denied');
  }
}

/** The pieces of an answer, as long as its reader may have it. Errors: those of `pieces`; AppError `auth.required`. */
export async function* whileAdmitted<T>(
  s: AdmitServices,
  request: FastifyRequest,
  pieces: AsyncIterable<T>,
): AsyncGenerator<T> {
  let askedMs = s.clock.elapsedMs();
  for await (const piece of pieces) {
    const nowMs = s.clock.elapsedMs();
    if (nowMs - askedMs >= admitMs) {
      askedMs = nowMs;
      if (!(await isAdmitted(s, request)))
        throw new AppError('auth.required', 'the token ended while the answer went out');
    }
    yield piece;
  }
}
